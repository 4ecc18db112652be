"""Batches of real images: a function of (seed, images seen), read ahead, equal to the formula."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.unit.training.conftest import write_dataset
from training.datasets.batches import MIRROR, ORDER, RealImages, philox
from training.datasets.grey import with_channels
from training.datasets.store import Dataset

SEED = 5


def formula(
    dataset: Dataset, seen: int, count: int, resolution: int, mirror: bool, rows: list[int]
) -> torch.Tensor:
    """What `RealImages.batch` returns, image by image in float32 on the CPU."""
    images = []
    for row in rows:
        epoch, place = divmod(seen + row, len(dataset))
        order = philox(SEED, ORDER, epoch).permutation(len(dataset))
        images.append(np.array(dataset.images_NHWC[int(order[place])]))
    shown = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
    if mirror:
        flips = philox(SEED, MIRROR, seen).random(count)[rows] < 0.5
        shown = torch.where(torch.from_numpy(flips)[:, None, None, None], shown.flip(3), shown)
    return F.avg_pool2d(shown, shown.shape[-1] // resolution)


@pytest.mark.parametrize("resolution", [16, 8, 4])
@pytest.mark.parametrize("mirror", [False, True])
def test_batches_equal_the_formula_to_the_bit(
    squares: Dataset, resolution: int, mirror: bool
) -> None:
    images = RealImages(squares, SEED, mirror)
    for seen in (0, 8, 16, 56, 60, 124):  # in order, across two epochs, and after a leap
        batch = images.batch(seen, 8, resolution)
        assert torch.equal(batch, formula(squares, seen, 8, resolution, mirror, list(range(8))))
        assert batch.is_contiguous(memory_format=torch.channels_last)


def test_parts_of_a_batch_are_its_rows(squares: Dataset) -> None:
    images = RealImages(squares, SEED, mirror=True)
    parts = [torch.tensor([0, 3]), torch.tensor([7, 1])]
    for seen in (0, 8, 60):
        for rows in parts:
            expected = formula(squares, seen, 8, 16, True, rows.tolist())
            assert torch.equal(images.batch(seen, 8, 16, rows), expected)


def test_grey_batches_are_those_of_the_grey_dataset(squares: Dataset) -> None:
    grey = with_channels(squares, 1)
    batch = RealImages(grey, SEED, mirror=True).batch(0, 8, 8)
    assert batch.shape == (8, 1, 8, 8)
    assert torch.equal(batch, formula(grey, 0, 8, 8, True, list(range(8))))


def test_the_next_batch_is_read_by_one_thread_while_this_one_is_used(
    squares: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = RealImages(squares, SEED, mirror=False)
    read, happened = [], threading.Event()
    gather = images.levels

    def noting(seen: int, *rest: object) -> torch.Tensor:
        read.append((seen, threading.current_thread().name))
        if seen == 8:
            happened.set()
        return gather(seen, *rest)

    monkeypatch.setattr(images, "levels", noting)
    images.batch(0, 8, 16)
    assert happened.wait(60)  # nobody has asked for it yet
    images.batch(8, 8, 16)
    images.batch(32, 8, 16)  # another place, as after a resume: what was read ahead is not used
    images.batch(40, 8, 16)
    images.batch(0, 8, 16)
    assert [seen for seen, _ in read][:6] == [0, 8, 16, 32, 40, 48]
    assert len({thread for _, thread in read}) == 1
    assert threading.current_thread().name not in {thread for _, thread in read}


def test_what_cannot_be_read_is_told_where_the_batch_is_taken(
    squares: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = RealImages(squares, SEED, mirror=False)

    def fails(*_: object) -> torch.Tensor:
        raise OSError("the disk is gone")

    monkeypatch.setattr(images, "levels", fails)
    with pytest.raises(OSError, match="the disk is gone"):
        images.batch(0, 8, 16)


def test_images_are_read_in_any_order_from_any_shards(tmp_path: Path) -> None:
    images = write_dataset(tmp_path / "squares", count=64).images_NHWC
    parts = images.map_shards(np.asarray)
    whole = np.asarray(images)
    parted = type(parts)([whole[:10], whole[10:11], whole[11:]])
    for indices in ([63, 0, 10, 11, 10, -1, -64], [5], [], [12, 13]):
        np.testing.assert_array_equal(parted[np.array(indices, np.int64)], whole[indices])
    for outside in (64, -65):
        with pytest.raises(IndexError, match=f"image {outside} of 64"):
            parted[np.array([0, outside])]
