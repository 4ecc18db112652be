"""The pictures on which methods are compared: none of them was seen by a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan_cli.progress import ProgressBar
from training.datasets.importing.archive import Archive
from training.datasets.importing.decode import decode
from training.datasets.importing.folder import Folder
from training.datasets.manifest import MANIFEST
from training.datasets.procedural import render
from training.datasets.store import Dataset
from training.upscaling.methods import SCALE
from training.upscaling.quality import Picture

HELDOUT_SEED = 1_000_000
"""The first seed of held-out faces; datasets for training end before it."""


@dataclass(frozen=True)
class Material:
    """Pictures of one kind.

    Attributes:
        name: of the kind.
        pictures: uint8 [H, W, 3] each, with even sides: what enlarging ought to give.
        public: whether they may be shown. Figures about them may in any case.
    """

    name: str
    pictures: list[Picture]
    public: bool


def procedural_faces(count: int, size: int) -> Material:
    """Rendered faces of held-out seeds, of `size` pixels a side; needs Skia."""
    return Material("procedural faces", _draw(render, count, size, "faces"), public=True)


def ink_drawings(count: int, size: int) -> Material:
    """The same faces as ink drawings; needs Skia."""
    from training.datasets.procedural import line_art  # says what to install if Skia is missing

    return Material("line art", _draw(line_art.render, count, size, "line art"), public=True)


def _draw(
    draw: Callable[[int, int], np.ndarray], count: int, size: int, label: str
) -> list[Picture]:
    seeds = range(HELDOUT_SEED, HELDOUT_SEED + count)
    shown = ProgressBar(seeds, desc=f"drawing {label}", unit="picture")
    return [draw(seed, size) for seed in shown]


def pictures_of(path: Path, name: str, limit: int | None = None) -> Material:
    """Pictures of a folder, a zip archive or a dataset, which are measured and never shown.

    Args:
        path: holds them.
        name: what to call them.
        limit: take the first of them in the order of their names; None: all.

    Raises:
        DatasetError: the dataset is broken.
        SourceError: the path holds no pictures, or cannot be read.
        UnusablePictureError: one of them is broken.
    """
    if (path / MANIFEST).exists():
        stored = Dataset.open(path).images_NHWC[:limit]
        return Material(name, [even(picture) for picture in stored], public=False)
    source = Folder(path) if path.is_dir() else Archive(path)
    entries = source.inventory().entries[:limit]
    pictures = [
        np.asarray(decode(source.read(entry)))
        for entry in ProgressBar(entries, desc=f"reading {name}", unit="picture")
    ]
    return Material(name, [even(picture) for picture in pictures], public=False)


def even(picture: Picture) -> Picture:
    """The picture without its last row or column where their number is odd."""
    height, width = (side - side % SCALE for side in picture.shape[:2])
    return picture[:height, :width]
