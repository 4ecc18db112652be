"""The one on-disk format of a dataset.

    manifest.json        what the dataset is; written last, so that its presence means "complete"
    images-00000.npy     uint8 [N, H, W, C] in NumPy's format, N = 2,048 but for the last shard
    labels-00000.jsonl   one JSON object a line for each image: {"id", ..., "attributes"}

A shard's two files are written beside their final names, flushed to the disk and then renamed, and
a small `shard-00000.json` with their checksums follows. A writer that was interrupted finds these
records, verifies the files and goes on after them. The finished manifest takes the records over.

Imports do not know their number of images beforehand (`GrowingWriter`): a `progress-00000.json`
beside each record keeps the position in the source. `skipped.jsonl` stays beside the finished
manifest: one {"id", "reason"} a line for each picture that was left out.

    DatasetError
    ├── NotADatasetError       no manifest, or one of another format
    ├── DamagedDatasetError    files are missing, cut short, or do not match their checksums
    └── DatasetMismatchError   a half-written directory belongs to another dataset
"""

from __future__ import annotations

from training.datasets.manifest import (
    FORMAT,
    FORMAT_VERSION,
    SHARD_IMAGES,
    DamagedDatasetError,
    DatasetError,
    DatasetMismatchError,
    Header,
    Labels,
    NotADatasetError,
    Shard,
)
from training.datasets.reader import Dataset, Images
from training.datasets.writer import DatasetWriter

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "SHARD_IMAGES",
    "DamagedDatasetError",
    "Dataset",
    "DatasetError",
    "DatasetMismatchError",
    "DatasetWriter",
    "Header",
    "Images",
    "Labels",
    "NotADatasetError",
    "Shard",
]
