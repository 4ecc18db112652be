"""Writes datasets whose number of images is known, and goes on where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from training.datasets.manifest import DamagedDatasetError, Header, Labels, Shard
from training.datasets.shards import claim, store_shard, verified_shard, write_manifest


class DatasetWriter:
    """Writes a dataset shard by shard, in any order, and goes on where an earlier run stopped."""

    def __init__(self, directory: Path, header: Header) -> None:
        """Claim a directory.

        Args:
            directory: Made when absent. It may hold a part of the very same dataset, or all of it;
                then damaged shards count as missing and can be written anew.
            header: What is going to be written.

        Raises:
            ValueError: the header promises no image.
            DatasetMismatchError: the directory holds something else.
        """
        if header.count < 1:
            raise ValueError(f"a dataset needs at least one image, got count {header.count}")
        self._directory = Path(directory)
        self._header = header
        claim(self._directory, asdict(header))

    def missing(self) -> list[int]:
        """Shards that are still to be written; the others were verified just now."""
        shards = range(self._header.shard_count)
        return [index for index in shards if verified_shard(self._directory, index) is None]

    def write_shard(self, index: int, images_NHWC: np.ndarray, labels: Sequence[Labels]) -> Shard:
        """Write one shard, replacing what may be there.

        Raises:
            ValueError: images or labels have the wrong shape, type or number.
        """
        span = self._header.shard_range(index)
        shape = (len(span), *self._header.image_shape())
        if images_NHWC.dtype != np.uint8 or images_NHWC.shape != shape:
            raise ValueError(
                f"shard {index} needs uint8 {shape}, got {images_NHWC.dtype} {images_NHWC.shape}"
            )
        if len(labels) != len(span):
            raise ValueError(f"shard {index} needs {len(span)} labels, got {len(labels)}")
        return store_shard(self._directory, index, span.start, images_NHWC, labels)

    def finish(self) -> str:
        """Verify all shards, write the manifest, and return the dataset's digest.

        Raises:
            DamagedDatasetError: shards are missing or damaged.
        """
        found = [verified_shard(self._directory, i) for i in range(self._header.shard_count)]
        shards = [shard for shard in found if shard is not None]
        if len(shards) < len(found):
            missing = [i for i, shard in enumerate(found) if shard is None]
            raise DamagedDatasetError(f"{self._directory}: shards {missing} are not complete")
        return write_manifest(self._directory, self._header, shards)
