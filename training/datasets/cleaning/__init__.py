"""Finds what does not belong into a dataset of faces, and shows it before anything is left out."""
