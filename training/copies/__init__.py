"""The copy detector: an embedding in which changed copies of an image lie beside the image."""
