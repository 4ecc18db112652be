"""When a run reads its losses: seldom, but always before it saves."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.gan.stylegan2.trainer import StyleganTrainer
from training.gan.trainer import WEIGHTS
from training.networks.weights import load_generator
from training.run.folder import CHECKPOINT
from training.run.loop import run
from training.run.trainer import READ_STEPS

CPU = torch.device("cpu")
TINY = dataclasses.replace(
    PRESETS["stylegan-16-tiny"], augment="adaptive", augment_target=0.0, augment_ramp_images=400
)
# What makes the host wait until a device has computed a value.
READERS = {"tolist", "item", "__bool__", "__float__", "__int__", "numpy", "cpu"}


class Reads(TorchFunctionMode):
    """Counts, step by step, how often floats are read from a tensor.

    Adam counts its steps in tensors of its own, which stay on the CPU.
    """

    def __init__(self, trainer: StyleganTrainer) -> None:
        super().__init__()
        self.step, self.found = 0, Counter[int]()
        self.adams = trainer.generator_adam, trainer.discriminator_adam

    def counts_steps(self, value: torch.Tensor) -> bool:
        return any(state["step"] is value for adam in self.adams for state in adam.state.values())

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        name = getattr(function, "__name__", "")
        if name in READERS and args[0].is_floating_point() and not self.counts_steps(args[0]):
            self.found[self.step] += 1
        return function(*args, **(kwargs or {}))


def spoil(trainer: StyleganTrainer) -> None:
    torch.nn.init.constant_(trainer.generator.synthesis.constant, float("nan"))


def test_losses_are_read_every_few_steps(squares: Dataset) -> None:
    # p is followed, but stays 0: what is drawn for augmentation is looked at on the CPU.
    options = dataclasses.replace(TINY, augment_target=0.99)
    trainer = StyleganTrainer(options, squares, CPU)
    with Reads(trainer) as reads:
        for reads.step in range(1, 3 * READ_STEPS + 1):
            trainer.step()
    assert sorted(reads.found) == [READ_STEPS, 2 * READ_STEPS, 3 * READ_STEPS]


def test_reading_early_changes_nothing(squares: Dataset) -> None:
    eager, lazy = (StyleganTrainer(TINY, squares, CPU) for _ in range(2))
    read = [dict(eager.step()) for _ in range(9)]
    unread = [lazy.step() for _ in range(9)]
    assert [dict(losses) for losses in unread] == read
    assert eager.controller.state() == lazy.controller.state()
    assert lazy.controller.p > 0


def test_a_spoilt_step_is_told_by_its_own_number(squares: Dataset) -> None:
    trainer = StyleganTrainer(TINY, squares, CPU)
    trainer.step()
    spoil(trainer)
    with pytest.raises(FloatingPointError, match="losses after 8 images are not finite"):
        for _ in range(READ_STEPS):
            trainer.step()


def test_nothing_of_a_spoilt_run_is_saved(
    squares: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step before a snapshot spoils the networks, and it is none that reads."""
    assert 80 % (READ_STEPS * TINY.batch)
    options = dataclasses.replace(TINY, snapshot_images=40, log_images=8_192)
    step = StyleganTrainer.step

    def spoiling(trainer: StyleganTrainer) -> Any:
        if trainer.images_seen == 72:
            spoil(trainer)
        return step(trainer)

    monkeypatch.setattr(StyleganTrainer, "step", spoiling)
    with pytest.raises(FloatingPointError, match="losses after 72 images are not finite"):
        run(build_trainer(options, squares, CPU), tmp_path / "run")
    assert not (tmp_path / "run" / "sheets" / "00000080.png").exists()
    _, story = load_generator(tmp_path / "run" / WEIGHTS)
    assert story["training"]["images_seen"] == 40
    state = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=True)
    assert state["images_seen"] == 40


def test_weights_that_the_last_update_spoilt_are_not_saved(
    squares: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of a step is that of the weights before it."""
    options = dataclasses.replace(TINY, snapshot_images=40, log_images=8_192)
    step = StyleganTrainer.step

    def spoiling(trainer: StyleganTrainer) -> Any:
        losses = step(trainer)
        if trainer.images_seen == 80:
            spoil(trainer)
        return losses

    monkeypatch.setattr(StyleganTrainer, "step", spoiling)
    with pytest.raises(FloatingPointError, match=r"generator\.synthesis\.constant after 80 images"):
        run(build_trainer(options, squares, CPU), tmp_path / "run")
    state = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=True)
    assert state["images_seen"] == 40
