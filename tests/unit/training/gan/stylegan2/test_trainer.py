"""Steps of a StyleGAN2: parts of a batch, augmentation, frozen layers, losses, resolutions."""

import copy
import dataclasses
import json

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.gan.stylegan2.options import Phase, StyleganOptions
from training.gan.stylegan2.trainer import StyleganTrainer
from training.networks.stylegan2 import NetworkConfig
from training.networks.stylegan2.layers import DEVIATION_GROUP, minibatch_deviation
from training.run.compute import Compute
from training.run.distributed import World, parts_of_batch

CPU = torch.device("cpu")
TINY = dataclasses.replace(PRESETS["stylegan-16-tiny"], batch=16)


def trained(
    dataset: Dataset, steps: int, options: StyleganOptions = TINY, compute: Compute | None = None
) -> StyleganTrainer:
    images = dataset
    trainer = StyleganTrainer(options, images, CPU, compute)
    for _ in range(steps):
        trainer.step()
    return trainer


def weights(trainer: StyleganTrainer) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name in ("generator", "discriminator", "average")
        for key, value in getattr(trainer, name).named_parameters()
    }


def assert_close(one: StyleganTrainer, other: StyleganTrainer) -> None:
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(other)[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("batch", [16, 24])
def test_parts_keep_the_groups_of_minibatch_deviation(batch: int) -> None:
    features = torch.randn(batch, 3, 4, 4)
    whole = minibatch_deviation(features)
    parts = parts_of_batch(batch, 2, DEVIATION_GROUP)
    assert torch.equal(torch.cat(list(parts)).sort().values, torch.arange(batch))
    for rows in parts:
        torch.testing.assert_close(minibatch_deviation(features[rows]), whole[rows])


def test_a_batch_that_cannot_be_shared_out_is_refused(squares: Dataset) -> None:
    with pytest.raises(ValueError, match="choose a multiple of 32"):
        trained(squares, 0, TINY, Compute(accumulate=8))
    with pytest.raises(ValueError, match="choose a multiple of 24"):
        trained(squares, 0, TINY, Compute(World(1, 3), accumulate=2))
    with pytest.raises(ValueError, match="--accumulate: 0"):
        Compute(accumulate=0)


@pytest.mark.parametrize(
    "change",
    [{}, {"augment": "fixed", "augment_p": 0.5}, {"loss": "relativistic"}],
    ids=["plain", "augmented", "relativistic"],
)
def test_accumulation_equals_the_whole_batch(squares: Dataset, change: dict[str, object]) -> None:
    # Ten steps see two resolutions, fading, noise, mixing, and both lazy penalties.
    # With seed 0 an activation lies so near to the kink of the leaky ReLU that rounding decides on
    # which side of it R1's second derivative is taken.
    options = dataclasses.replace(TINY, seed=1, **change)
    assert_close(
        trained(squares, 10, options), trained(squares, 10, options, Compute(accumulate=4))
    )


def test_resuming_goes_on_with_the_same_probability(squares: Dataset) -> None:
    options = dataclasses.replace(
        TINY, augment="adaptive", augment_target=0.0, augment_ramp_images=400
    )
    whole = trained(squares, 10, options)
    first, second = trained(squares, 6, options), trained(squares, 0, options)
    second.restore(copy.deepcopy(first.state()))
    for _ in range(4):
        second.step()
    assert whole.controller.p == second.controller.p > 0
    assert all(torch.equal(weights(second)[name], value) for name, value in weights(whole).items())


def test_checkpoints_from_before_these_options_go_on(squares: Dataset) -> None:
    trainer = trained(squares, 4)
    state = copy.deepcopy(trainer.state())
    del state["augmentation"]
    told = json.loads(state["options"])
    for name in ("kind", "loss", "augment", "augment_p", "augment_target", "freeze_d"):
        del told[name]
    del told["augment_ramp_images"]
    assert StyleganOptions.from_json(json.dumps(told)) == TINY
    resumed = trained(squares, 0)
    resumed.restore(state | {"options": json.dumps(told)})
    resumed.step()
    trainer.step()
    assert all(
        torch.equal(weights(resumed)[name], value) for name, value in weights(trainer).items()
    )


def test_frozen_layers_stay_and_the_others_learn(squares: Dataset) -> None:
    donor = trained(squares, 2)
    options = dataclasses.replace(
        TINY, phases=(Phase(16, 256, r1_gamma=0.05),), transfer="abc", freeze_d=2
    )
    trainer = trained(squares, 0, options)
    trainer.transfer(donor.state())
    for _ in range(3):
        trainer.step()
    moved = {
        name
        for name, value in trainer.discriminator.named_parameters()
        if not torch.equal(value, donor.discriminator.get_parameter(name))
    }
    assert not any(name.startswith(("from_rgb.16.", "blocks.8.")) for name in moved)
    assert any(name.startswith("dense.") for name in moved)


def test_impossible_options_are_refused(squares: Dataset) -> None:
    for field, value in (
        ("loss", "hinge"),
        ("augment", "always"),
        ("augment_p", 1.5),
        ("augment_target", 1.0),
        ("augment_ramp_images", 0),
        ("freeze_d", 1),
    ):
        with pytest.raises(ValueError, match=field):
            dataclasses.replace(TINY, **{field: value})
    with pytest.raises(ValueError, match="augment_p: a fixed probability of 0"):
        dataclasses.replace(TINY, augment="fixed")
    with pytest.raises(ValueError, match="which the relativistic loss leaves open"):
        dataclasses.replace(TINY, augment="adaptive", loss="relativistic")
    with pytest.raises(ValueError, match="freeze_d: 4 is not between 0 and 2"):
        trained(squares, 0, dataclasses.replace(TINY, transfer="abc", freeze_d=4))


def test_the_highest_resolution_builds_and_steps(tmp_path) -> None:
    options = StyleganOptions(
        preset="tiny-256",
        network=NetworkConfig(
            resolution=256, z_dim=8, w_dim=8, mapping_layers=1, channel_base=256, channel_max=8
        ),
        phases=(Phase(256, 8, r1_gamma=1.0),),
        batch=4,
        path_length_weight=2.0,
        texture_from=0.0,
        augment="fixed",
        augment_p=0.5,
        precision="fp32",
    )
    dataset = write_dataset(tmp_path / "large", count=4, side=256)
    trainer = StyleganTrainer(options, dataset, CPU)
    before = {name: value.clone() for name, value in weights(trainer).items()}
    losses = trainer.step()
    assert {"loss_d", "loss_g", "r1", "path_length", "augment_p"} <= losses.keys()
    changed = {name for name, value in weights(trainer).items() if (value != before[name]).any()}
    assert any(name.startswith("generator.synthesis.to_rgb.6") for name in changed)
    assert any(name.startswith("discriminator.from_rgb.256") for name in changed)


def test_a_missing_compiler_is_named(squares: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ValueError, match="--compile: the C\\+\\+ compiler no-such-compiler is not"):
        trained(squares, 0, TINY, Compute(compiled=True))


def test_a_dcgans_batch_is_not_cut_into_passes(squares: Dataset) -> None:
    with pytest.raises(ValueError, match="needs the whole batch in one pass"):
        build_trainer(PRESETS["dcgan-16-tiny"], squares, CPU, Compute(accumulate=2))
