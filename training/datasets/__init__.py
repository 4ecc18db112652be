"""Datasets: where images come from, and the one format in which they lie on disk."""
