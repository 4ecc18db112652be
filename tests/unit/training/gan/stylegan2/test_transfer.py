"""A transferred run begins with the best of its source and does not lose it in the first steps."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from training.datasets.store import Dataset
from training.export.licence import LicenceError, learnt_from, licence_of_weights
from training.files import sha256
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.gan.stylegan2.options import Phase, StyleganOptions
from training.gan.stylegan2.trainer import StyleganTrainer
from training.gan.trainer import WEIGHTS
from training.networks.weights import load_generator, save_generator
from training.run.checkpoint import load_checkpoint, save_checkpoint
from training.run.folder import CHECKPOINT
from training.run.loop import run

CPU = torch.device("cpu")
TINY = PRESETS["stylegan-16-tiny"]
TRANSFER = dataclasses.replace(
    TINY, phases=(Phase(16, 512, r1_gamma=0.05),), transfer="abc", ema_half_life=1_000
)


def trainer_of(dataset: Dataset, options: StyleganOptions) -> StyleganTrainer:
    return StyleganTrainer(options, dataset, CPU)


@pytest.fixture
def source(squares: Dataset) -> StyleganTrainer:
    trainer = trainer_of(squares, dataclasses.replace(TINY, ema_half_life=1_000))
    for _ in range(20):
        trainer.step()
    return trainer


def transferred(squares: Dataset, source: StyleganTrainer, **changes: object) -> StyleganTrainer:
    trainer = trainer_of(squares, dataclasses.replace(TRANSFER, **changes))
    trainer.transfer(source.state())
    return trainer


def distance(one: torch.nn.Module, other: torch.nn.Module) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


def test_the_generator_begins_as_the_average(squares: Dataset, source: StyleganTrainer) -> None:
    assert distance(source.generator, source.average) > 1e-3  # or there would be nothing to see
    trainer = transferred(squares, source)
    assert distance(trainer.generator, source.average) == 0
    assert distance(trainer.average, source.average) == 0
    assert distance(trainer.discriminator, source.discriminator) == 0


def test_a_first_step_without_length_leaves_the_average(
    squares: Dataset, source: StyleganTrainer
) -> None:
    before = trainer_of(squares, source.options)
    before.restore(source.state())
    trainer = transferred(squares, source, lr_warmup_images=10_000)
    trainer.step()
    assert distance(trainer.average, before.average) < 1e-6


def test_the_average_keeps_its_half_life_from_the_first_step(
    squares: Dataset, source: StyleganTrainer
) -> None:
    trainer = transferred(squares, source)
    begun = trainer.average.synthesis.constant.clone()
    trainer.step()
    moved = trainer.generator.synthesis.constant - begun
    expected = begun + (1 - 0.5 ** (TRANSFER.batch / 1_000)) * moved
    torch.testing.assert_close(trainer.average.synthesis.constant, expected)
    assert moved.abs().max() > 1e-4


def test_step_sizes_rise_evenly_from_zero(squares: Dataset, source: StyleganTrainer) -> None:
    trainer = transferred(squares, source, lr_warmup_images=64, lr_decay_from=1.0)
    rates = []
    for _ in range(10):
        trainer.step()
        (group,) = trainer.generator_adam.param_groups
        (other,) = trainer.discriminator_adam.param_groups
        assert other["lr"] / TRANSFER.lr_discriminator == pytest.approx(
            group["lr"] / TRANSFER.lr_generator
        )
        rates.append(group["lr"] / TRANSFER.lr_generator)
    assert rates[0] == 0
    assert rates == pytest.approx([*(step / 8 for step in range(8)), 1.0, 1.0])


def test_path_lengths_are_compared_with_those_of_the_source(
    squares: Dataset, source: StyleganTrainer
) -> None:
    assert source.path_length_mean > 0
    assert transferred(squares, source).path_length_mean == source.path_length_mean


def test_a_run_that_is_resumed_is_not_transferred_again(squares: Dataset, tmp_path: Path) -> None:
    run(build_trainer(TINY, squares, CPU), tmp_path / "source")
    begin = tmp_path / "source" / CHECKPOINT
    whole = dataclasses.replace(TRANSFER, lr_decay_from=1.0, texture_from=0.0).with_images(64)
    run(build_trainer(whole.with_images(32), squares, CPU), tmp_path / "parts", initial=begin)
    run(build_trainer(whole, squares, CPU), tmp_path / "parts", initial=begin)
    run(build_trainer(whole, squares, CPU), tmp_path / "at-once", initial=begin)
    parts, once = (
        load_checkpoint(tmp_path / name / CHECKPOINT, CPU) for name in ("parts", "at-once")
    )
    for network in ("generator", "average", "discriminator"):
        assert all(torch.equal(once[network][key], value) for key, value in parts[network].items())


def test_a_generator_alone_waits_for_its_discriminator(
    squares: Dataset, source: StyleganTrainer, tmp_path: Path
) -> None:
    save_generator(tmp_path / "a.safetensors", source.average, {}, {})
    options = dataclasses.replace(
        TRANSFER, discriminator_first_images=32, lr_warmup_images=16, path_length_weight=2.0
    )
    trainer = trainer_of(squares, options)
    new = copy.deepcopy(trainer.discriminator)
    trainer.begin_with(tmp_path / "a.safetensors")
    for _ in range(5):  # the fifth step has a size of zero
        trainer.step()
    assert distance(trainer.generator, source.average) == 0
    assert distance(trainer.average, source.average) == 0
    assert distance(trainer.discriminator, new) > 1e-3
    assert trainer.path_length_mean > 0
    trainer.step()
    assert distance(trainer.generator, source.average) > 0
    with pytest.raises(ValueError, match="discriminator_first_images: the file holds no discrim"):
        trainer_of(squares, TRANSFER).begin_with(tmp_path / "a.safetensors")


def test_a_transfer_that_the_options_do_not_tell_of_is_refused(
    squares: Dataset, source: StyleganTrainer
) -> None:
    with pytest.raises(ValueError, match="transfer: it must hold the checkpoint's sha256"):
        transferred(squares, source, transfer="")


def test_the_licences_of_the_first_weights_stay(
    squares: Dataset, source: StyleganTrainer, tmp_path: Path
) -> None:
    def story(folder: Path, initial: Path, **changes: Any) -> dict[str, Any]:
        options = dataclasses.replace(TRANSFER, phases=(Phase(16, 16, r1_gamma=0.05),), **changes)
        assert run(trainer_of(squares, options), folder, initial=initial) == 0
        told: dict[str, Any] = load_generator(folder / WEIGHTS)[1]["training"]
        return told

    def licence(told: dict[str, Any]) -> str:
        return licence_of_weights(None, learnt_from(told))

    private = {"name": "mine", "digest": "1", "licence": "LicenseRef-private"}
    weights, first = tmp_path / WEIGHTS, tmp_path / "first"
    save_generator(weights, source.average, {"preset": "x", "dataset": private}, {})
    told = story(first, weights, discriminator_first_images=8)
    assert told["begun_with"] == {"sha256": sha256(weights), "datasets": [private]}
    assert licence(told) == "CC0-1.0 AND LicenseRef-private"

    # A run that goes on remembers it, and so does one that begins with its checkpoint.
    longer = (Phase(16, 32, r1_gamma=0.05),)
    resumed = dataclasses.replace(TRANSFER, phases=longer, discriminator_first_images=8)
    trainer = trainer_of(squares, resumed)
    trainer.restore(load_checkpoint(first / CHECKPOINT, CPU))
    assert trainer.begun_with == told["begun_with"]
    second = story(tmp_path / "second", first / CHECKPOINT)
    assert licence(second) == "CC0-1.0 AND LicenseRef-private"

    # Checkpoints of earlier versions do not tell: nobody knows then.
    state = load_checkpoint(first / CHECKPOINT, CPU)
    del state["learnt_from"], state["begun_with"]
    save_checkpoint(tmp_path / CHECKPOINT, state)
    trainer_of(squares, resumed).restore(state)
    third = story(tmp_path / "third", tmp_path / CHECKPOINT)
    with pytest.raises(LicenceError, match=r"what checkpoint\.pt has learnt from"):
        licence(third)
