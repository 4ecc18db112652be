"""The index: references in a directory, opened here and written by `training.index`.

    manifest.json               what the index is, with its own checksum; replaced atomically
    tiles-00000.npy             int8 [T, C, H, W, 16]: sixteen images side by side, to be scanned
    ids-00000.npy               int64 [count], ascending: what an image is called, for ever
    dead-00000-<sha256>.npy     int64 [n]: rows of removed images
    heldout-<sha256>.npy        uint8 [n, H, W, C]: held-out images, to calibrate again
    nearest-00000-<key>.npy     (row int64, ssim float64) [n]: their nearest references in the shard

Arrays lie in NumPy's format, without pickles, and no file is ever changed: what changes gets a new
name, and the manifest then names the new files. Serving maps tiles and reads ids: one byte a level
and 8 bytes an image.
"""

from animegan_search.ssim.index.errors import (
    DamagedIndexError,
    IndexVersionError,
    NotAnIndexError,
    NotCalibratedError,
    SearchIndexError,
    UnknownImageError,
)
from animegan_search.ssim.index.index import Answer, Index
from animegan_search.ssim.index.manifest import index_directories
from animegan_search.ssim.index.shard import Shard

__all__ = [
    "Answer",
    "DamagedIndexError",
    "Index",
    "IndexVersionError",
    "NotAnIndexError",
    "NotCalibratedError",
    "SearchIndexError",
    "Shard",
    "UnknownImageError",
    "index_directories",
]
