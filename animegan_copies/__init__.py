"""Finds the image of an index that a picture is a changed copy of.

The copy detector, a network that Triton serves, turns pictures into embeddings; here embeddings of
the index's images are kept and searched exactly (faiss), and the best similarity is judged as the
best SSIM is: by how close unseen images come.

manifest   what a folder of embeddings says about itself, and what can be wrong with it
index      opens, verifies and searches such a folder; `training.copies` writes it
"""

from animegan_copies.index import Copies, CopyIndex
from animegan_copies.manifest import CopyIndexError, Detector, Images, Manifest

__all__ = ["Copies", "CopyIndex", "CopyIndexError", "Detector", "Images", "Manifest"]
