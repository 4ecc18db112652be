"""Colour datasets seen in grey: Pillow's luma, and the same interface as any dataset."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets.grey import luma, with_channels
from training.datasets.store import Dataset, DatasetWriter, Header


@pytest.fixture
def colour(tmp_path: Path) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    header = Header(
        name="noise", resolution=16, channels=3, count=5, licence="CC0-1.0", source={"kind": "test"}
    )
    writer = DatasetWriter(tmp_path / "noise", header)
    writer.write_shard(0, images, [{"id": index} for index in range(5)])
    writer.finish()
    return Dataset.open(tmp_path / "noise")


def test_luma_is_pillows() -> None:
    every_level = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    expected = np.asarray(Image.fromarray(every_level).convert("L"))
    np.testing.assert_array_equal(luma(every_level)[..., 0], expected)


def test_a_grey_view_reads_like_a_dataset(colour: Dataset) -> None:
    grey = with_channels(colour, 1)
    expected = luma(np.asarray(colour.images_NHWC))
    assert grey.images_NHWC.shape == (5, 16, 16, 1)
    np.testing.assert_array_equal(np.asarray(grey.images_NHWC), expected)
    np.testing.assert_array_equal(grey.images_NHWC[[3, 1]], expected[[3, 1]])
    np.testing.assert_array_equal(grey.images_NHWC[2], expected[2])
    np.testing.assert_array_equal(list(grey.images_NHWC), expected)
    assert (grey.header.channels, grey.digest) == (1, f"{colour.digest}-grey")
    assert (len(grey), grey.labels) == (len(colour), colour.labels)
    sent = pickle.loads(pickle.dumps(grey))
    np.testing.assert_array_equal(sent.images_NHWC[0], expected[0])


def test_images_that_fit_are_left_alone(colour: Dataset) -> None:
    assert with_channels(colour, 3) is colour
    assert with_channels(with_channels(colour, 1), 1).header.channels == 1
    with pytest.raises(ValueError, match="grey images cannot be coloured"):
        with_channels(with_channels(colour, 1), 3)
