"""The images that lie in an index: those that are searched, and those that calibrate it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.index import Index
from animegan_search.ssim.index.arrays import open_array


@dataclass(frozen=True)
class AliveImages:
    """The images of an index that were not removed, as `ImageSource`.

    Attributes:
        index: where they lie.
        ids: int64 [N], ascending, what it calls them.
    """

    index: Index
    ids: NDArray[np.int64]

    @classmethod
    def of(cls, index: Index) -> AliveImages:
        """All of them."""
        return cls(index, np.concatenate([shard.ids[shard.alive] for shard in index.shards]))

    def __len__(self) -> int:
        """Number of images."""
        return len(self.ids)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images [n, H, W, C] by their places among the ids."""
        return self.index.images(self.ids[places])


def heldout_images(index: Index) -> NDArray[np.uint8]:
    """The images that a calibrated index was calibrated with, [n, H, W, C]."""
    record = index.manifest.calibration
    assert record is not None  # noqa: S101 (the caller has asked for the calibration)
    heldout = record.heldout
    shape = (heldout.count, *index.shape)
    return open_array(index.directory, heldout.images, np.dtype(np.uint8), shape)
