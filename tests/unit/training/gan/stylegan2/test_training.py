"""A run as a whole: it learns, resumes exactly, and refuses what it cannot do."""

import dataclasses
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.training.conftest import write_dataset
from training.cli.train import main
from training.datasets.batches import RealImages
from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.gan.stylegan2.options import Phase, StyleganOptions
from training.gan.stylegan2.trainer import StyleganTrainer
from training.gan.trainer import WEIGHTS
from training.networks.weights import load_generator
from training.run.checkpoint import load_checkpoint
from training.run.folder import CHECKPOINT
from training.run.journal import LOG, read_log
from training.run.loop import run
from training.run.trainer import StepLosses

CPU = torch.device("cpu")
TINY = PRESETS["stylegan-16-tiny"]


def trained(dataset: Dataset, steps: int, options: StyleganOptions = TINY) -> StyleganTrainer:
    trainer = StyleganTrainer(options, dataset, CPU)
    for _ in range(steps):
        trainer.step()
    return trainer


def same_weights(one: StyleganTrainer, other: StyleganTrainer) -> bool:
    return all(
        torch.equal(getattr(one, name).state_dict()[key], value)
        for name in ("generator", "discriminator", "average")
        for key, value in getattr(other, name).state_dict().items()
    )


def test_two_runs_with_one_seed_are_the_same(squares: Dataset) -> None:
    assert same_weights(trained(squares, 6), trained(squares, 6))
    other = dataclasses.replace(TINY, seed=1)
    assert not same_weights(trained(squares, 6), trained(squares, 6, other))


def test_a_resumed_run_equals_an_uninterrupted_one(squares: Dataset) -> None:
    whole = trained(squares, 20)  # crosses phases, fading, noise, mixing and every regulariser
    first = trained(squares, 9)
    second = trained(squares, 0)
    second.restore(first.state())
    for _ in range(11):
        second.step()
    assert same_weights(whole, second)


def test_a_run_leaves_weights_sheets_and_a_log(squares: Dataset, tmp_path: Path) -> None:
    assert run(build_trainer(TINY, squares, CPU), tmp_path / "run") == 0
    generator, metadata = load_generator(tmp_path / "run" / WEIGHTS)
    assert generator.config == TINY.network
    assert metadata["training"]["images_seen"] == TINY.total_images
    assert metadata["training"]["dataset"]["digest"] == squares.digest
    sheets = sorted(path.name for path in (tmp_path / "run" / "sheets").iterdir())
    assert sheets == ["00000064.png", "00000128.png", "00000192.png"]
    log = read_log(tmp_path / "run" / LOG)
    assert [record["images"] for record in log] == [32, 64, 96, 128, 160, 192]
    assert all(np.isfinite(record["loss_d"]) for record in log)
    # The run is complete: the same command has nothing left to do.
    assert run(build_trainer(TINY, squares, CPU), tmp_path / "run") == 0


def test_a_run_that_is_stopped_while_it_grows_leaves_weights(
    squares: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers that it has not learnt leave the picture as it is."""
    trainer = build_trainer(TINY, squares, CPU)
    step = StyleganTrainer.step

    def interrupting(trainer: StyleganTrainer) -> StepLosses:
        if trainer.images_seen == 24:
            signal.raise_signal(signal.SIGINT)
        return step(trainer)

    monkeypatch.setattr(StyleganTrainer, "step", interrupting)
    assert run(trainer, tmp_path / "run") == 130
    generator, story = load_generator(tmp_path / "run" / WEIGHTS)
    assert story["training"]["images_seen"] == 32
    z = torch.randn(4, TINY.network.z_dim)
    large, small = generator.sample(z), generator.sample(z, resolution=8)
    torch.testing.assert_close(F.avg_pool2d(large, 2), small, rtol=0, atol=0.2)
    assert not (tmp_path / "run" / "weights").exists()  # of whole networks alone


def test_runs_are_not_mixed(squares: Dataset, tmp_path: Path) -> None:
    run(build_trainer(TINY, squares, CPU), tmp_path / "run")
    with pytest.raises(ValueError, match="other options"):
        run(build_trainer(dataclasses.replace(TINY, batch=4), squares, CPU), tmp_path / "run")
    with pytest.raises(ValueError, match="another dataset"):
        run(build_trainer(TINY, write_dataset(tmp_path / "other", seed=1), CPU), tmp_path / "run")


def test_the_future_of_a_run_may_be_changed_but_not_its_past() -> None:
    longer = dataclasses.replace(TINY, phases=(TINY.phases[0], Phase(16, 512, 0.05, 32)))
    assert not TINY.differences(96, longer)  # before noise, mixing and slower learning begin
    assert TINY.differences(120, longer)  # noise has begun in one of them
    sharper = dataclasses.replace(TINY, phases=(TINY.phases[0], Phase(16, 128, 0.2, 32)))
    assert not TINY.differences(64, sharper)
    assert TINY.differences(72, sharper)
    assert TINY.differences(0, dataclasses.replace(TINY, seed=1))


def test_images_that_do_not_fit_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path / "small", side=8)
    command = ["--preset", "stylegan-16-tiny", "--run", str(tmp_path / "run"), "--dataset"]
    assert main([*command, str(tmp_path / "small")]) == 1
    assert "has 8 px, the preset stylegan-16-tiny 16 px" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "nothing")]) == 1
    assert "holds no dataset" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / CHECKPOINT, CPU)


def test_an_epoch_shows_every_image_once(squares: Dataset) -> None:
    images = RealImages(squares, seed=5, mirror=False)
    shown = torch.cat([images.batch(start, 8, 16) for start in range(0, 64, 8)])
    original = torch.from_numpy(np.asarray(squares.images_NHWC)).permute(0, 3, 1, 2) / 127.5 - 1
    order = torch.cdist(shown.flatten(1), original.flatten(1)).argmin(dim=1)
    assert sorted(order.tolist()) == list(range(64))
    assert torch.equal(
        images.batch(24, 8, 16), shown[24:32]
    )  # the order does not depend on the past
    assert not torch.equal(images.batch(64, 8, 16), shown[:8])  # and differs in the next epoch


def test_the_average_follows_the_generator(squares: Dataset) -> None:
    options = dataclasses.replace(TINY, ema_half_life=1_000_000)
    trainer = trained(squares, 12, options)
    start = StyleganTrainer(options, squares, CPU).generator.synthesis.constant
    moved = trainer.generator.synthesis.constant
    average = trainer.average.synthesis.constant
    # Half-life 10 % of the images seen: the average is near the generator, but behind it.
    assert 0 < (average - moved).norm() < (moved - start).norm()


@given(st.integers(0, 300))
def test_phases_follow_each_other(images_seen: int) -> None:
    phase, fade = TINY.phase_at(images_seen)
    assert phase.resolution == (8 if images_seen < 64 else 16)
    assert fade == (1.0 if images_seen < 64 else min(1.0, (images_seen - 64) / 32))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_survive_json(preset: str) -> None:
    options = PRESETS[preset]
    assert options.preset == preset
    assert type(options).from_json(options.to_json()) == options


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match="phases"):
        dataclasses.replace(TINY, phases=(Phase(8, 100, 0.1),))
    with pytest.raises(ValueError, match="batch"):
        dataclasses.replace(TINY, batch=0)
    with pytest.raises(ValueError, match="precision"):
        dataclasses.replace(TINY, precision="fp8")
    with pytest.raises(ValueError, match="options"):
        StyleganOptions.from_json("{}")
