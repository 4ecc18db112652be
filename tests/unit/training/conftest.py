"""A dataset of coloured squares: small enough to train on in a second."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.datasets.store import Dataset, DatasetWriter, Header

# Networks this small gain nothing from threads, which wait for each other on a busy machine.
torch.set_num_threads(1)


def write_dataset(path: Path, count: int = 64, side: int = 16, seed: int = 0) -> Dataset:
    """Write `count` plain images with a square each, [count, side, side, 3]."""
    rng = np.random.default_rng(seed)
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        image[:] = rng.integers(0, 256, 3)
        top, left = rng.integers(0, side // 2, 2)
        image[top : top + side // 2, left : left + side // 2] = rng.integers(0, 256, 3)
    header = Header(
        name="squares",
        resolution=side,
        channels=3,
        count=count,
        licence="CC0-1.0",
        source={"kind": "test", "seed": seed},
    )
    writer = DatasetWriter(path, header)
    writer.write_shard(0, images, [{"id": index} for index in range(count)])
    writer.finish()
    return Dataset.open(path)


@pytest.fixture
def squares(tmp_path: Path) -> Dataset:
    return write_dataset(tmp_path / "squares")
