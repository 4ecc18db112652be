"""Reads datasets by memory map."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from training.datasets.manifest import (
    DamagedDatasetError,
    Header,
    Labels,
    Shard,
    check_shard,
    read_manifest,
)


class Dataset:
    """A complete dataset, opened for reading. Images stay on the disk until they are used.

    Safe to share between threads and to send to other processes (it reopens its files there).
    """

    def __init__(
        self, directory: Path, header: Header, shards: Sequence[Shard], total: str
    ) -> None:
        """Take parts that belong together; `Dataset.open` reads and checks them."""
        self.directory = directory
        self.header = header
        self.shards = tuple(shards)
        self.digest = total

    @classmethod
    def open(cls, path: Path | str, checksums: bool = False, check_sizes: bool = True) -> Dataset:
        """Open a dataset.

        Args:
            path: Its directory.
            checksums: Also read every byte and compare it with the checksums.
            check_sizes: Check that every file is there and of the right size and type.

        Raises:
            NotADatasetError: no dataset of this format lies there.
            DamagedDatasetError: files do not agree with the manifest.
        """
        directory = Path(path)
        header, shards, total = read_manifest(directory)
        dataset = cls(directory, header, shards, total)
        if check_sizes:
            dataset._check_files()
        if checksums:
            dataset.verify()
        return dataset

    def __len__(self) -> int:
        """Number of images."""
        return self.header.count

    def __getstate__(self) -> dict[str, Any]:
        """Leave the memory maps behind: another process maps the files again."""
        return {k: v for k, v in self.__dict__.items() if k not in ("images_NHWC", "labels")}

    @cached_property
    def images_NHWC(self) -> Images:  # noqa: N802  # the name carries its shape
        """All images, uint8, by memory map."""
        maps = [_open_images(self.directory / shard.images) for shard in self.shards]
        return Images(maps)

    @cached_property
    def labels(self) -> list[Labels]:
        """One dictionary an image, in the order of the images.

        Raises:
            DamagedDatasetError: a labels file is not as the manifest says.
        """
        return [label for shard in self.shards for label in read_labels(self.directory, shard)]

    def verify(self) -> None:
        """Compare every file with its checksum.

        Raises:
            DamagedDatasetError: naming the first file that differs.
        """
        for shard in self.shards:
            check_shard(self.directory, shard)

    def _check_files(self) -> None:
        for shard in self.shards:
            images = _open_images(self.directory / shard.images)
            expected = (shard.count, *self.header.image_shape())
            if images.dtype != np.uint8 or images.shape != expected:
                raise DamagedDatasetError(
                    f"{self.directory / shard.images}: expected uint8 {expected}, "
                    f"found {images.dtype} {images.shape}"
                )
            if not (self.directory / shard.labels).is_file():
                raise DamagedDatasetError(f"{self.directory / shard.labels} is missing")


class Images:
    """Shards of images seen as one array, uint8 [N, H, W, C].

    An integer gives one image [H, W, C], a read-only view of the file. A slice, or an array or a
    list of integers (negative ones count from the end), gives a copy [n, H, W, C] in that order.
    """

    def __init__(self, shards: Sequence[np.ndarray]) -> None:
        """Join shards, uint8 [n, H, W, C] each."""
        self._shards = tuple(shards)
        self._firsts = list(accumulate((len(shard) for shard in shards), initial=0))
        height, width, channels = shards[0].shape[1:]
        self.shape = (self._firsts[-1], height, width, channels)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        """Number of images."""
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Images [H, W, C] one by one."""
        for shard in self._shards:
            yield from shard

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """One image by an integer, several by a slice or by integers.

        Raises:
            IndexError: there is no such image.
            TypeError: the index is of no known kind.
        """
        if isinstance(index, slice):
            return self._take(np.arange(*index.indices(len(self))))
        if isinstance(index, (int, np.integer)):
            return self._one(int(index))
        return self._take(np.asarray(index))

    def map_shards(self, view: Callable[[np.ndarray], Any]) -> Images:
        """The same images, each shard seen through `view`."""
        return Images([view(shard) for shard in self._shards])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All images as one array in memory."""
        if copy is False:
            raise ValueError("images lie in several files: one array of them needs a copy")
        return np.concatenate(self._shards).astype(dtype or self.dtype, copy=False)

    def _one(self, index: int) -> np.ndarray:
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        index %= len(self)
        shard = bisect_right(self._firsts, index) - 1
        image: np.ndarray = self._shards[shard][index - self._firsts[shard]]
        return image

    def _take(self, indices: np.ndarray) -> np.ndarray:
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise TypeError(f"need a row of integers, got {indices.dtype} {indices.shape}")
        places = indices.astype(np.int64)
        outside = places[(places < -len(self)) | (places >= len(self))]
        if outside.size:
            raise IndexError(f"image {outside[0]} of {len(self)}")
        places %= len(self)
        owners = np.searchsorted(self._firsts, places, side="right") - 1
        images = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for owner in np.unique(owners):
            rows = owners == owner
            images[rows] = self._shards[owner][places[rows] - self._firsts[owner]]
        return images


def _open_images(path: Path) -> np.ndarray:
    try:
        mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped.view(np.ndarray)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedDatasetError(f"{path} cannot be read: {error}") from error


def read_labels(directory: Path, shard: Shard) -> list[Labels]:
    """The labels of a shard.

    Raises:
        DamagedDatasetError: they cannot be read, or are not as many as its images.
    """
    path = directory / shard.labels
    try:
        labels = [json.loads(line) for line in path.read_bytes().splitlines()]
    except (OSError, ValueError) as error:
        raise DamagedDatasetError(f"{path} cannot be read: {error}") from error
    if len(labels) != shard.count:
        raise DamagedDatasetError(f"{path} has {len(labels)} lines, expected {shard.count}")
    return labels
