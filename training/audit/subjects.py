"""What is audited: images that can be fetched by their places, here or on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.datasets.grey import with_channels
from training.datasets.store import Dataset, NotADatasetError
from training.metrics.intervals import philox
from training.metrics.pictures import PictureFolder

Images = NDArray[np.uint8]
Places = NDArray[np.int64]


class Subjects(Protocol):
    """Images under audit. Picklable: whoever scans some fetches them by itself.

    An image depends on its place alone, not on those that are fetched with it.
    """

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, places: Places, /) -> Images:
        """Images [n, H, W, C]."""

    def name(self, place: int) -> str:
        """What people call an image: its seed, its file."""

    def describe(self) -> dict[str, Any]:
        """Where the images come from, for the JSON: `kind`, `name`, `digest` and more."""


@dataclass(frozen=True)
class FolderSubjects:
    """Pictures of one size in a folder.

    Attributes:
        path: the folder.
        pictures: its files; pictures are converted to their number of channels.
        places: which of them are audited, among the sorted names.
        seed: of this choice.
    """

    path: Path
    pictures: PictureFolder
    places: Places
    seed: int

    def __len__(self) -> int:
        """Number of images."""
        return len(self.places)

    def __getitem__(self, places: Places) -> Images:
        """Images [n, H, W, C].

        Raises:
            ValueError: a picture cannot be read or has another size than the first one.
        """
        return self.pictures[self.places[places]]

    def name(self, place: int) -> str:
        """The file's name."""
        return self.pictures.name(self.places[place])

    def describe(self) -> dict[str, Any]:
        """The folder."""
        return {
            "kind": "folder",
            "name": self.path.resolve().name,
            "digest": self.pictures.digest,
            "of": len(self.pictures),
            "seed": self.seed,
        }


@dataclass(frozen=True)
class DatasetSubjects:
    """Images of a dataset.

    Attributes:
        path: its directory.
        channels: 1 turns colours to grey.
        places: which of them are audited.
        seed: of this choice.
    """

    path: Path
    channels: int
    places: Places
    seed: int

    @property
    def dataset(self) -> Dataset:
        """The dataset, opened once a process."""
        return _dataset(self.path, self.channels)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.places)

    def __getitem__(self, places: Places) -> Images:
        """Images [n, H, W, C]."""
        return self.dataset.images_NHWC[self.places[places]]

    def name(self, place: int) -> str:
        """Its place in the dataset."""
        return f"image {self.places[place]}"

    def describe(self) -> dict[str, Any]:
        """The dataset."""
        dataset = self.dataset
        return {
            "kind": "dataset",
            "name": dataset.header.name,
            "digest": dataset.digest,
            "of": len(dataset),
            "seed": self.seed,
        }


def spelled(shape: Sequence[int]) -> str:
    """A shape (H, W, C) in words."""
    height, width, channels = shape
    return f"{width}x{height} px, {'grey' if channels == 1 else 'RGB'}"


def open_pictures(
    path: Path, channels: int, count: int | None, seed: int
) -> FolderSubjects | DatasetSubjects:
    """Choose images of a dataset, or of a folder of pictures if it is none.

    Args:
        path: the directory.
        channels: of the index, 1 or 3; colours are turned to grey for 1.
        count: how many, drawn at random where there are more; None takes all.
        seed: of this draw.

    Raises:
        ValueError: it is neither, its pictures are not square, or are grey where colour is wanted.
        DatasetError: the dataset is damaged.
    """
    try:
        total = len(_dataset(path, channels))
        return DatasetSubjects(path, channels, _chosen(total, count, seed), seed)
    except NotADatasetError:
        pictures = PictureFolder.open(path, channels)
        return FolderSubjects(path, pictures, _chosen(len(pictures), count, seed), seed)


@lru_cache
def _dataset(path: Path, channels: int) -> Dataset:
    return with_channels(Dataset.open(path), channels)


def _chosen(total: int, count: int | None, seed: int) -> Places:
    """Places in ascending order."""
    if count is None or count >= total:
        return np.arange(total)
    return np.sort(philox(seed).permutation(total)[:count])
