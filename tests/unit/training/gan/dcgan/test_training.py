"""A DCGAN's run: it learns, resumes exactly, sees grey, and is not taken for a StyleGAN2's."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.datasets.store import Dataset
from training.gan.dcgan.options import DcganOptions
from training.gan.dcgan.trainer import DcganTrainer
from training.gan.kinds import build_trainer
from training.gan.losses import discriminator_loss
from training.gan.presets import PRESETS
from training.gan.stylegan2.options import StyleganOptions
from training.gan.trainer import WEIGHTS
from training.networks.weights import load_generator
from training.run.checkpoint import load_checkpoint
from training.run.folder import CHECKPOINT
from training.run.loop import run

CPU = torch.device("cpu")
TINY: DcganOptions = PRESETS["dcgan-16-tiny"]
NETWORKS = ("generator", "discriminator", "average")


def trained(dataset: Dataset, steps: int, options: DcganOptions = TINY) -> DcganTrainer:
    trainer = DcganTrainer(options, dataset, CPU)
    for _ in range(steps):
        trainer.step()
    return trainer


def same_weights(one: DcganTrainer, other: DcganTrainer, name: str) -> bool:
    ours, theirs = getattr(one, name).state_dict(), getattr(other, name).state_dict()
    return all(torch.equal(ours[key], value) for key, value in theirs.items())


def test_a_step_moves_every_weight(squares: Dataset) -> None:
    before, after = trained(squares, 0), trained(squares, 1)
    for name in ("generator", "discriminator"):
        for (key, old), new in zip(
            getattr(before, name).named_parameters(),
            getattr(after, name).parameters(),
            strict=True,
        ):
            assert not torch.equal(old, new), f"{name}.{key}"


@pytest.mark.parametrize("changes", [{}, {"dropout": 0.3}, {"discriminator_norm": "spectral"}])
def test_a_resumed_run_equals_an_uninterrupted_one(squares: Dataset, changes: dict) -> None:
    options = dataclasses.replace(TINY, network=dataclasses.replace(TINY.network, **changes))
    whole = trained(squares, 7, options)
    second = trained(squares, 0, options)
    second.restore(trained(squares, 3, options).state())
    for _ in range(4):
        second.step()
    assert all(same_weights(whole, second, name) for name in NETWORKS)
    other = trained(squares, 7, dataclasses.replace(options, seed=1))
    assert not any(same_weights(whole, other, name) for name in NETWORKS)


def test_without_a_half_life_the_average_is_the_generator(squares: Dataset) -> None:
    trainer = trained(squares, 2, dataclasses.replace(TINY, ema_half_life=0))
    for ours, theirs in zip(
        trainer.average.parameters(), trainer.generator.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_run_leaves_calibrated_weights(squares: Dataset, tmp_path: Path) -> None:
    assert (
        run(build_trainer(dataclasses.replace(TINY, images=64), squares, CPU), tmp_path / "run")
        == 0
    )
    generator, story = load_generator(tmp_path / "run" / WEIGHTS)
    assert generator.kind == "dcgan"
    assert generator.config == TINY.network
    assert story["training"]["options"]["kind"] == "dcgan"
    assert story["training"]["images_seen"] == 64
    saved = [norm.running_var.clone() for norm in generator.norms]
    generator.calibrate()
    for var, norm in zip(saved, generator.norms, strict=True):
        torch.testing.assert_close(var, norm.running_var)
    assert (tmp_path / "run" / "sheets" / "00000064.png").exists()
    assert (tmp_path / "run" / "curves.png").exists()


def test_a_grey_network_trains_on_a_colour_dataset(squares: Dataset, tmp_path: Path) -> None:
    grey = dataclasses.replace(TINY, network=dataclasses.replace(TINY.network, image_channels=1))
    assert (
        run(build_trainer(dataclasses.replace(grey, images=16), squares, CPU), tmp_path / "run")
        == 0
    )
    generator, story = load_generator(tmp_path / "run" / WEIGHTS)
    assert generator.config.image_channels == 1
    assert story["training"]["dataset"]["digest"] == f"{squares.digest}-grey"
    # The same folder cannot go on in colour.
    with pytest.raises(ValueError, match="other options"):
        run(build_trainer(TINY, squares, CPU), tmp_path / "run")


def test_a_checkpoint_of_the_other_kind_is_refused(squares: Dataset, tmp_path: Path) -> None:
    stylegan = dataclasses.replace(PRESETS["stylegan-16-tiny"], precision="fp32")
    run(build_trainer(dataclasses.replace(TINY, images=16), squares, CPU), tmp_path / "dcgan")
    with pytest.raises(ValueError, match="trains a dcgan, not a stylegan2"):
        run(build_trainer(stylegan, squares, CPU), tmp_path / "dcgan")
    with pytest.raises(ValueError, match="trains a dcgan, not a stylegan2"):
        run(
            build_trainer(stylegan, squares, CPU),
            tmp_path / "other",
            initial=tmp_path / "dcgan" / CHECKPOINT,
        )


def test_a_longer_run_may_go_on(squares: Dataset, tmp_path: Path) -> None:
    short = dataclasses.replace(TINY, images=16, lr_decay_from=1.0)
    run(build_trainer(short, squares, CPU), tmp_path / "run")
    run(build_trainer(dataclasses.replace(short, images=24), squares, CPU), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT, CPU)["images_seen"] == 24
    # Its steps would have been smaller from the 13th image on.
    with pytest.raises(ValueError, match="other options"):
        run(
            build_trainer(dataclasses.replace(short, lr_decay_from=0.5), squares, CPU),
            tmp_path / "run",
        )


def test_options_without_a_kind_are_a_stylegan2s() -> None:
    """What runs wrote before there was a choice."""
    options = PRESETS["stylegan-16-tiny"]
    text = options.to_json().replace('  "kind": "stylegan2",\n', "")
    assert "kind" not in text
    assert StyleganOptions.from_json(text) == options
    with pytest.raises(ValueError, match="trains a stylegan2, not a dcgan"):
        DcganOptions.from_json(text)


def test_the_loss_with_smoothed_labels_is_the_cross_entropy() -> None:
    real, fake = torch.randn(32), torch.randn(32)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    expected = entropy(real, torch.full((32,), 0.9)) + entropy(fake, torch.zeros(32))
    torch.testing.assert_close(discriminator_loss(real, fake, 0.9), expected)


@pytest.mark.parametrize(("field", "value"), [("images", 0), ("real_label", 0.5), ("batch", 0)])
def test_impossible_options_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(TINY, **{field: value})


def test_a_grey_dataset_cannot_train_a_colour_network(tmp_path: Path) -> None:
    colour = write_dataset(tmp_path / "colour")
    grey = dataclasses.replace(colour.header, channels=1)
    dataset = Dataset(colour.directory, grey, colour.shards, colour.digest)
    with pytest.raises(ValueError, match="grey images cannot be coloured"):
        run(build_trainer(TINY, dataset, CPU), tmp_path / "run")
