"""Colour datasets seen in grey, computed while they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets.reader import Dataset, Images

# Luma of Rec. 601 in 16-bit fractions of one: 0.299 R + 0.587 G + 0.114 B.
RED, GREEN, BLUE = 19595, 38470, 7471


def luma(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB [..., H, W, 3] -> grey [..., H, W, 1], rounded to the nearest level as Pillow does it."""
    red, green, blue = (images[..., band].astype(np.uint32) for band in range(3))
    levels = (RED * red + GREEN * green + BLUE * blue + (1 << 15)) >> 16
    return levels.astype(np.uint8)[..., None]


class GreyShard:
    """One shard of RGB images, uint8 [n, H, W, 3], that reads as [n, H, W, 1]."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._images = images
        self.shape = (*images.shape[:3], 1)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._images)

    def __getitem__(self, index: int | NDArray[np.int64]) -> NDArray[np.uint8]:
        """One image [H, W, 1], or several [n, H, W, 1]."""
        return luma(self._images[index])

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Images [H, W, 1] one by one."""
        return (luma(image) for image in self._images)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All images in memory."""
        return luma(self._images).astype(dtype or np.uint8, copy=False)


class GreyDataset(Dataset):
    """A view of a colour dataset.

    Its digest is the colour dataset's with "-grey" appended: what was computed from one (features,
    checkpoints) is never taken for the other's.
    """

    def __init__(self, colour: Dataset) -> None:
        header = dataclasses.replace(colour.header, channels=1)
        super().__init__(colour.directory, header, colour.shards, f"{colour.digest}-grey")
        self._colour = colour

    @cached_property
    def images_NHWC(self) -> Images:  # noqa: N802  # the name carries its shape
        """All images, uint8 [N, H, W, 1]."""
        return self._colour.images_NHWC.map_shards(GreyShard)


def with_channels(dataset: Dataset, channels: int) -> Dataset:
    """See a dataset with as many channels as a network has.

    Args:
        dataset: grey or RGB.
        channels: 1 or 3.

    Raises:
        ValueError: the images are grey, and colour is wanted.
    """
    if dataset.header.channels == channels:
        return dataset
    if channels == 3:
        raise ValueError(
            f"{dataset.directory} has 1 channel, the network 3: grey images cannot be coloured; "
            "choose another dataset, or a preset for grey images"
        )
    return GreyDataset(dataset)
