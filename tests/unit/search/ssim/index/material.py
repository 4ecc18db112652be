"""Small datasets of noise, and indexes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan_search.ssim.definition import UNIFORM7, Definition
from animegan_search.ssim.index import Index
from animegan_search.ssim.reference import ssim
from training.datasets.store import Dataset, DatasetWriter, Header
from training.index.building import build

SIZE = 12


def noise(count: int, seed: int, channels: int = 3, size: int = SIZE) -> np.ndarray:
    """Images with some structure, so that their SSIMs differ, uint8 [count, size, size, C]."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, size // 4, size // 4, channels))
    fine = random.integers(-30, 30, (count, size, size, channels))
    smooth = coarse.repeat(4, axis=1).repeat(4, axis=2)
    return (smooth + fine).clip(0, 255).astype(np.uint8)


def write_dataset(directory: Path, images: np.ndarray) -> Dataset:
    """A dataset of square images, uint8 [N, H, H, C], called after its directory."""
    header = Header(
        name=directory.name,
        resolution=images.shape[1],
        channels=images.shape[3],
        count=len(images),
        licence="CC0-1.0",
        source={"kind": "test", "name": directory.name},
    )
    writer = DatasetWriter(directory, header)
    for shard in writer.missing():
        rows = header.shard_range(shard)
        writer.write_shard(shard, images[rows.start : rows.stop], [{"id": row} for row in rows])
    writer.finish()
    return Dataset.open(directory)


def write_index(
    directory: Path,
    images: np.ndarray,
    heldout: np.ndarray | None = None,
    definition: Definition = UNIFORM7,
    shard_images: int | None = None,
) -> Index:
    """An index of images, called after its directory; its datasets lie in `datasets` beside it."""
    datasets = directory.parent / "datasets"
    dataset = write_dataset(datasets / f"{directory.name}-images", images)
    others = None
    if heldout is not None:
        others = write_dataset(datasets / f"{directory.name}-heldout", heldout)
    return build(directory, dataset, definition, heldout=others, shard_images=shard_images)


def scores(query: np.ndarray, images: np.ndarray, definition: Definition = UNIFORM7) -> np.ndarray:
    """SSIM of a picture to each image, by the definition in float64."""
    return np.array([ssim(query, image, definition) for image in images])


def maxima(queries: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The largest SSIM of each picture to any image, ascending."""
    return np.sort([scores(query, images).max() for query in queries])
