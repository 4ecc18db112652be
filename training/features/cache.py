"""A cache of features on the disk: chunks of 100 images, each written whole or not at all.

A chunk belongs to a name (extractor, data set's digest, order of the images) and a run of places.
So an interrupted extraction goes on where it stopped, and asking for more images of the same source
computes only the new ones. Files are plain NumPy arrays, read without pickle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.files import replacing

CHUNK = 100

Array = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class FeatureCache:
    """Features kept below one folder, which is made when the first ones are written."""

    folder: Path

    def fetch(
        self, name: str, places: Places, total: int, size: int, compute: Callable[[Places], Array]
    ) -> Array:
        """Features of some images: the cached ones from the disk, the others computed and kept.

        Args:
            name: everything that decides the features of a place.
            places: a run of places, rising by one.
            total: places that there are; the last chunk ends there.
            size: features of an image, D.
            compute: features [n, D] of the images at n places.

        Returns:
            float32 [len(places), D].
        """
        first = int(places[0]) // CHUNK * CHUNK
        parts = []
        for start in range(first, int(places[-1]) + 1, CHUNK):
            chunk = np.arange(start, min(start + CHUNK, total))
            path = self._path(name, start)
            features = read(path, (len(chunk), size))
            if features is None:
                features = compute(chunk)
                write(path, features)
            parts.append(features)
        return np.concatenate(parts)[places - first]

    def _path(self, name: str, start: int) -> Path:
        key = hashlib.sha256(name.encode()).hexdigest()
        return self.folder / key[:32] / f"{start:08}.npy"


def read(path: Path, shape: tuple[int, int]) -> Array | None:
    """Read an array; none if there is none of this shape, or if it cannot be read."""
    try:
        features: Array = np.load(path, allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    sound = features.shape == shape and features.dtype == np.float32
    return features if sound else None


def write(path: Path, features: Array) -> None:
    """Write an array so that a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.save(file, features)
