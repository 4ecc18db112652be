"""The budget of a run's folder."""

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.run.disk import (
    FIGURE_BYTES,
    check_space,
    checkpoint_bytes,
    folder_bytes,
    least_missed,
    snapshot_bytes,
    thin_out,
)


def fill(folder: Path, pattern: str, moments: range, size: int) -> None:
    for moment in moments:
        path = folder / pattern.format(moment)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(size))


def names(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.iterdir())


def test_old_files_are_thinned_out_evenly_and_the_newest_stay(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(bytes(1_000))
    fill(tmp_path, "weights/{:08d}.safetensors", range(10, 90, 10), 100)
    fill(tmp_path, "sheets/{:08d}.png", range(10, 90, 10), 10)
    thin_out(tmp_path, needed=200, budget=1_800)
    assert names(tmp_path / "weights") == [10, 30, 50, 70, 80]
    assert names(tmp_path / "sheets") == list(range(10, 90, 10))
    thin_out(tmp_path, needed=200, budget=1_330)
    assert names(tmp_path / "weights") == [80]
    assert names(tmp_path / "sheets") == [10, 50, 80]
    assert folder_bytes(tmp_path) == 1_130


def test_what_is_left_has_no_near_neighbours() -> None:
    moments = list(range(0, 1_000, 10))
    while len(moments) > 5:
        moments.pop(least_missed(moments))
    assert moments[0] == 0
    assert moments[-1] == 990
    gaps = [after - before for before, after in pairwise(moments)]
    assert max(gaps) <= 4 * min(gaps)


def test_sizes_are_those_of_the_files(squares: Dataset, tmp_path: Path) -> None:
    options = dataclasses.replace(WIDE, images=16, snapshot_images=16)
    trainer = build_trainer(options, squares, torch.device("cpu"))
    assert run(trainer, tmp_path / "run") == 0
    file = (tmp_path / "run" / CHECKPOINT).stat().st_size
    assert checkpoint_bytes(trainer) == pytest.approx(file, rel=0.05)
    written = folder_bytes(tmp_path / "run")
    assert written < snapshot_bytes(trainer) < 1.5 * written + FIGURE_BYTES


def test_too_little_room_is_refused(tmp_path: Path) -> None:
    check_space(tmp_path, 1_000, 2_000)
    with pytest.raises(ValueError, match=r"--disk-budget: .* give 0\.002 GB or more"):
        check_space(tmp_path, 1_000_000, 1_000_000)
    with pytest.raises(ValueError, match="MB of the disk are free, a snapshot needs"):
        check_space(tmp_path, 10**18, None)
