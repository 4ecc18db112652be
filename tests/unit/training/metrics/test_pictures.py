"""Folders of pictures and data sets as collections."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets.store import Dataset
from training.metrics.pictures import channels_of, open_collection


def write(
    folder: Path, count: int = 5, size: tuple[int, int] = (16, 16), mode: str = "RGB"
) -> Path:
    folder.mkdir(exist_ok=True)
    for place in range(count):
        Image.new(mode, size, place * 10 if mode == "L" else (place * 10, 0, 255)).save(
            folder / f"{place}.png"
        )
    return folder


def test_a_folder_is_read_in_a_random_order_that_its_seed_gives(tmp_path: Path) -> None:
    folder = write(tmp_path / "faces")
    collection = open_collection(folder, 3, seed=1)
    assert (collection.name, collection.resolution, len(collection.images)) == ("faces", 16, 5)
    images = collection.images[np.arange(5)]
    assert images.shape == (5, 16, 16, 3)
    reds = images[:, 0, 0, 0].tolist()
    assert sorted(reds) == [0, 10, 20, 30, 40] != reds
    again = open_collection(folder, 3, seed=1)
    assert again.cache_name == collection.cache_name
    np.testing.assert_array_equal(again.images[np.arange(5)], images)
    assert open_collection(folder, 3, seed=2).cache_name != collection.cache_name


def test_other_content_is_another_collection(tmp_path: Path) -> None:
    folder = write(tmp_path / "faces")
    before = open_collection(folder, 3, seed=1).digest
    assert open_collection(folder, 1, seed=1).digest != before  # grey is not colour
    Image.new("RGB", (16, 16)).save(folder / "4.png")
    assert open_collection(folder, 3, seed=1).digest != before


def test_pictures_in_folders_below_are_part_of_it(tmp_path: Path) -> None:
    """Of the same names, too; what is hidden or no file is none."""
    folder = write(tmp_path / "faces")
    flat = open_collection(folder, 3, seed=1)
    write(folder / "more", count=3)
    (folder / "odd.png").mkdir()
    (folder / ".0.png").write_bytes(b"an editor's leftover")
    deep = open_collection(folder, 3, seed=1)
    reds = deep.images[np.arange(8)][:, 0, 0, 0].tolist()
    assert len(deep.images) == 8 and sorted(reds) == [0, 0, 10, 10, 20, 20, 30, 40]
    (folder / "more").rename(folder / "others")
    assert len({flat.digest, deep.digest, open_collection(folder, 3, seed=1).digest}) == 3


def test_pictures_are_converted_to_the_channels(tmp_path: Path, squares: Dataset) -> None:
    colour, grey = write(tmp_path / "colour"), write(tmp_path / "grey", mode="L")
    assert (channels_of(colour), channels_of(grey), channels_of(squares.directory)) == (3, 1, 3)
    assert open_collection(colour, 1, 0).images[np.array([2])].shape == (1, 16, 16, 1)
    assert open_collection(grey, 3, 0).images[np.array([2])].shape == (1, 16, 16, 3)


def test_a_data_set_keeps_its_digest(squares: Dataset) -> None:
    collection = open_collection(squares.directory, 3, seed=1)
    assert (collection.name, collection.digest) == ("squares", squares.digest)
    everything = collection.images[np.arange(64)]
    assert sorted(map(bytes, everything)) == sorted(map(bytes, squares.images_NHWC))


def test_what_is_no_collection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a data set nor a folder of pictures"):
        open_collection(tmp_path, 3, seed=0)
    with pytest.raises(ValueError, match="16x8 pixels, which is not square"):
        open_collection(write(tmp_path / "wide", size=(16, 8)), 3, seed=0)


def test_a_bad_picture_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "faces")
    Image.new("RGB", (8, 8)).save(folder / "small.png")
    (folder / "text.png").write_text("no picture")
    images = open_collection(folder, 3, seed=0).images
    bad = {"small.png: 8x8 pixels, the first picture 16", "text.png: cannot be read"}
    seen = set()
    for place in range(len(images)):
        try:
            images[np.array([place])]
        except ValueError as error:
            seen |= {text for text in bad if text in str(error)}
    assert seen == bad
