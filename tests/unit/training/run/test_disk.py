"""The budget of a run's folder."""

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.networks.weights import load_generator
from training.run import disk, folder
from training.run.disk import (
    FIGURE_BYTES,
    check_space,
    checkpoint_bytes,
    folder_bytes,
    least_missed,
    snapshot_bytes,
    thin_out,
)
from training.run.folder import CHECKPOINT, RunFolder
from training.run.journal import TENSORBOARD
from training.run.loop import run

TINY = PRESETS["dcgan-16-tiny"]
# Large enough that names and headers weigh little beside the weights.
WIDE = dataclasses.replace(
    TINY, network=dataclasses.replace(TINY.network, generator_widths=(64, 64, 64, 64))
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


def test_a_budget_holds_all_that_a_run_writes(
    squares: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """TensorBoard keeps each sheet once more, without end."""
    options = dataclasses.replace(TINY, images=160, snapshot_images=8, log_images=16)
    trainer = build_trainer(options, squares, torch.device("cpu"))
    monkeypatch.setattr(disk, "FIGURE_BYTES", 0)
    monkeypatch.setattr(folder, "draw_curves", lambda *_: None)  # which is slow
    budget, sizes = 2 * snapshot_bytes(trainer), []
    write = RunFolder.snapshot

    def measured(files: RunFolder, *args: Any) -> None:
        write(files, *args)
        sizes.append((folder_bytes(files.path), folder_bytes(files.path / TENSORBOARD)))

    monkeypatch.setattr(RunFolder, "snapshot", measured)
    assert run(trainer, tmp_path / "run", disk_budget=budget) == 0
    assert len(sizes) == 20
    assert max(total for total, _ in sizes) <= budget
    boards = [board for _, board in sizes]
    assert any(after < before for before, after in pairwise(boards))
    assert capsys.readouterr().err.count("--disk-budget is reached: TensorBoard keeps figures") == 1
    # All figures are still there, beside the newest sheets.
    events = EventAccumulator(str(tmp_path / "run" / TENSORBOARD)).Reload()
    assert [event.step for event in events.Scalars("loss_d")] == list(range(16, 161, 16))
    assert load_generator(tmp_path / "run" / "generator.safetensors")


def test_a_budget_that_cannot_be_kept_ends_the_run_with_a_word(
    squares: Dataset, tmp_path: Path
) -> None:
    options = dataclasses.replace(TINY, images=64, snapshot_images=32)
    trainer = build_trainer(options, squares, torch.device("cpu"))
    (tmp_path / "run").mkdir()
    budget = 2 * snapshot_bytes(trainer)
    (tmp_path / "run" / "mine.bin").write_bytes(bytes(budget))
    with pytest.raises(OSError, match=r"the snapshot after 32 .*--disk-budget: .* MB lie"):
        run(trainer, tmp_path / "run", disk_budget=budget)


def test_too_little_room_is_refused(tmp_path: Path) -> None:
    check_space(tmp_path, 1_000, 2_000)
    with pytest.raises(ValueError, match=r"--disk-budget: .* give 0\.002 GB or more"):
        check_space(tmp_path, 1_000_000, 1_000_000)
    with pytest.raises(ValueError, match="MB of the disk are free, a snapshot needs"):
        check_space(tmp_path, 10**18, None)
