"""From pictures of others to a dataset: sources, decoding, face crops, resizing."""
