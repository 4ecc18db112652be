"""Finds the image of an index that a picture is a changed copy of.

The copy detector, a network that Triton serves, turns pictures into embeddings; here embeddings of
the images of an SSIM index are kept and searched exactly, and the best similarity is judged as the
best SSIM is: by how close unseen images come.

manifest   what the embeddings say about themselves, and what can be wrong with them
index      opens, verifies and searches them; `training.copies` writes them

A server of searches does the same in C: animegan_kernels/search/copies.h.
"""

from animegan_search.copies.index import Copies, CopyIndex
from animegan_search.copies.manifest import CopyIndexError, Detector, Manifest

__all__ = ["Copies", "CopyIndex", "CopyIndexError", "Detector", "Manifest"]
