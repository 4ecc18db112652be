"""What the command line makes of a preset."""

import argparse
import dataclasses
import json
from pathlib import Path

import pytest
import torch

from tests.unit.training.conftest import write_dataset
from training.cli.train import build_parser, main
from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.options import GanOptions
from training.gan.overrides import (
    DISCRIMINATOR_FIRST_IMAGES,
    FIELDS,
    TRANSFER_WARMUP_IMAGES,
    read_options,
    scaling_note,
)
from training.gan.presets import PRESETS
from training.gan.stylegan2.options import Phase
from training.networks.weights import load_generator
from training.run.checkpoint import load_checkpoint
from training.run.folder import CHECKPOINT, OPTIONS

SHIPPED = Path(__file__).parents[4] / "training" / "weights"


def parse(*arguments: str) -> argparse.Namespace:
    return build_parser().parse_args([*arguments, "--dataset", "none", "--run", "none"])


def options_of(*arguments: str) -> GanOptions:
    return read_options(parse(*arguments))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_alone_is_itself(preset: str) -> None:
    assert options_of("--preset", preset) == PRESETS[preset]


@pytest.mark.parametrize(
    ("flag", "value", "field", "expected"),
    [
        ("--r1-interval", "4", "r1_interval", 4),
        ("--path-length-weight", "2", "path_length_weight", 2.0),
        ("--lr-generator", "0.001", "lr_generator", 0.001),
        ("--lr-discriminator", "0.004", "lr_discriminator", 0.004),
        ("--lr-warmup-images", "5000", "lr_warmup_images", 5_000),
        ("--lr-decay-from", "0.9", "lr_decay_from", 0.9),
        ("--ema-half-life", "30000", "ema_half_life", 30_000),
        ("--texture-from", "0", "texture_from", 0.0),
        ("--snapshot-images", "65536", "snapshot_images", 65_536),
    ],
)
def test_an_option_sets_its_field(flag: str, value: str, field: str, expected: object) -> None:
    preset = PRESETS["stylegan-32-ablation"]
    changed = options_of("--preset", preset.preset, flag, value)
    assert changed == dataclasses.replace(preset, **{field: expected})
    assert changed != preset
    assert field in FIELDS


def test_widths_are_the_networks() -> None:
    options = options_of("--preset", "stylegan-32-ablation", "--network", "channel_min=64")
    assert options.network.channel_min == 64
    assert options.network.channels(32) == 64


def test_the_total_stretches_the_last_phase() -> None:
    preset = PRESETS["stylegan-64-cpu"]
    longer = options_of("--preset", "stylegan-64-cpu", "--images", "4000000")
    assert longer.total_images == 4_000_000
    assert longer.phases[:-1] == preset.phases[:-1]
    assert longer.phases[-1] == Phase(64, 3_715_000, r1_gamma=0.20)
    assert options_of("--preset", "dcgan-color", "--images", "7").total_images == 7
    with pytest.raises(ValueError, match="images: 285000 leave none for the last phase"):
        options_of("--preset", "stylegan-64-cpu", "--images", "285000")


def test_without_growing_all_images_have_the_full_size() -> None:
    flat = options_of("--preset", "stylegan-32-ablation", "--no-growing")
    assert flat.phases == (Phase(32, 150_000, r1_gamma=0.03),)
    # Where the last resolution has two phases, the second begins when it did.
    flat = options_of("--preset", "stylegan-64-cpu", "--no-growing", "--images", "500000")
    assert flat.phases == (Phase(64, 285_000, r1_gamma=0.10), Phase(64, 215_000, r1_gamma=0.20))


def test_what_is_set_by_hand_is_not_scaled_with_the_batch() -> None:
    command = ("--preset", "stylegan-32-ablation", "--batch", "32")
    scaled, set_by_hand = options_of(*command), options_of(*command, "--lr-generator", "0.0015")
    assert scaled == PRESETS["stylegan-32-ablation"].with_batch(32)
    assert set_by_hand == dataclasses.replace(scaled, lr_generator=0.0015)
    unscaled = options_of(*command, "--r1-scale", "2", "--ema-half-life", "10000")
    assert [phase.r1_gamma for phase in unscaled.phases] == pytest.approx([0.02, 0.03])
    note = scaling_note(parse(*command))
    assert "--batch 32 in place of 16: step sizes x 1.41, R1 x 0.50" in note
    assert "half-life of the average x 2.00" in note
    assert scaling_note(parse("--preset", "stylegan-32-ablation")) == ""


def test_a_transferred_run_warms_up(tmp_path: Path) -> None:
    preset = PRESETS["stylegan-64-cpu-transfer"]
    wider = dataclasses.replace(preset.network, channel_min=64)
    told = dataclasses.replace(preset, network=wider).to_json()
    torch.save({"options": told}, tmp_path / "checkpoint.pt")
    command = ("--preset", preset.preset, "--transfer", str(tmp_path / "checkpoint.pt"))
    options = options_of(*command)
    assert options.transfer
    assert options.network == wider  # the file decides
    assert not options.discriminator_first_images
    assert options.lr_warmup_images == TRANSFER_WARMUP_IMAGES
    assert options.lr_factors(0) == (0, 0)
    assert options.lr_factors(TRANSFER_WARMUP_IMAGES // 4) == (0.25, 0.25)
    assert options_of(*command, "--lr-warmup-images", "0").lr_factors(0) == (1, 1)
    assert options_of("--preset", "stylegan-64-cpu").lr_factors(0) == (1, 1)


@pytest.mark.parametrize("name", ["stylegan-64", "stylegan-faces-64"])
def test_the_weights_that_we_ship_can_be_begun_with(name: str, tmp_path: Path) -> None:
    """As docs/training/README.md has it."""
    file = SHIPPED / f"{name}.safetensors"
    options = options_of("--preset", "stylegan-64-cpu-transfer", "--transfer", str(file))
    assert options.discriminator_first_images == DISCRIMINATOR_FIRST_IMAGES
    dataset = write_dataset(tmp_path / "mine", count=16, side=64)
    trainer = build_trainer(options, dataset, torch.device("cpu"))
    trainer.begin_with(file)
    shipped, _ = load_generator(file)
    for network in (trainer.generator, trainer.average):
        for key, value in shipped.state_dict().items():
            assert torch.equal(network.state_dict()[key], value), key
    # The discriminator learns first; then the generator's steps rise as in any transfer.
    alone, warm = DISCRIMINATOR_FIRST_IMAGES, TRANSFER_WARMUP_IMAGES
    assert options.lr_factors(alone - 1) == (0, 1)
    assert options.lr_factors(alone + warm // 4) == (0.25, 1)


def test_weights_that_a_preset_cannot_begin_with_are_refused() -> None:
    for preset, name, message in (
        ("stylegan-64-cpu", "dcgan-color", "holds a dcgan, the preset trains a stylegan2"),
        ("stylegan-32-cpu", "stylegan-64", "the resolution of .* is 64, that of the preset"),
        ("dcgan-gray", "dcgan-color", "the image_channels of .* is 3, that of the preset"),
        ("stylegan-64-cpu", "copies-64", r"format 'anime-gan\.copy_detector\.1' is none of"),
    ):
        with pytest.raises(ValueError, match=message):
            options_of("--preset", preset, "--transfer", str(SHIPPED / f"{name}.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--no-growing",), "--no-growing: a dcgan such as dcgan-16-tiny has no such option"),
        (("--texture-from", "0"), "--texture-from: a dcgan"),
        (("--network", "channel_min=8"), "--network: 'channel_min' is unknown"),
        (("--network", "minibatch_deviation=False"), "minibatch_deviation is set by the preset"),
        (("--r1-interval", "0"), "r1_interval: 0 is less than 1"),
        (("--lr-generator", "0"), "lr_generator: 0.0 is not above 0"),
        (("--ema-half-life", "-1"), "ema_half_life: -1 is negative"),
        (("--lr-warmup-images", "-1"), "lr_warmup_images: -1 is negative"),
        (("--lr-decay-from", "2"), "lr_decay_from: 2.0 is not a share between 0 and 1"),
        (("--r1-scale", "-1"), "r1_gamma: -0.1 is negative"),
        (("--images", "0"), "images: 0 is less than 1"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options_of("--preset", "dcgan-16-tiny", *arguments)


def test_a_finished_run_goes_on_with_more_images(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    command = ["--preset", "stylegan-16-tiny", "--dataset", str(squares.directory)]
    command += ["--run", str(folder), "--device", "cpu", "--threads", "1"]
    assert main(command) == 0
    assert main([*command, "--images", "320", "--snapshot-images", "128"]) == 0
    # Noise and slower learning had begun, and are not taken back.
    told = json.loads((folder / OPTIONS).read_text())
    assert told["total_images"] == 320
    assert (told["texture_at"], told["lr_decay_at"]) == (96, 154)
    assert load_checkpoint(folder / CHECKPOINT, "cpu")["images_seen"] == 320
    # And the same command finds nothing left to do.
    assert main([*command, "--images", "320", "--snapshot-images", "128"]) == 0
    capsys.readouterr()
    assert main([*command, "--images", "400", "--r1-interval", "2"]) == 1
    assert "a run with other options (r1_interval)" in capsys.readouterr().err
    assert main([*command, "--images", "400", "--texture-from", "0.9"]) == 1
    assert "a run with other options (texture_from)" in capsys.readouterr().err


def test_the_past_of_a_run_is_kept_when_its_total_changes() -> None:
    tiny = PRESETS["stylegan-16-tiny"]  # noise from image 96 on, half steps from 153.6 on
    longer = tiny.with_images(400)
    for seen, texture, decay in ((96, 200, 320), (104, 96, 320), (160, 96, 320), (168, 96, 154)):
        goes_on = longer.continuing(tiny, seen)
        assert not tiny.differences(seen, goes_on)
        assert goes_on.switch_at("texture_from") == texture
        assert goes_on.switch_at("lr_decay_from") == decay
        # ... and again after that.
        still = tiny.with_images(800).continuing(goes_on, 400)
        assert not goes_on.differences(400, still)
    assert tiny.differences(104, longer)
    # A last step that goes beyond the total has not been made with what was to come then.
    uneven = dataclasses.replace(tiny, lr_decay_from=1.0).with_images(100)
    goes_on = uneven.with_images(400).continuing(uneven, 104)
    assert goes_on.lr_factors(104) == (1, 1)
    assert tiny.continuing(tiny, 192) == tiny
    # A shorter total would have switched in the past, where nothing did.
    shorter = tiny.with_images(160)
    assert tiny.differences(88, shorter.continuing(tiny, 88))


def test_the_long_run_is_the_short_one_and_more() -> None:
    short, long = PRESETS["stylegan-64-cpu"], PRESETS["stylegan-64-long"]
    sides = {16: 0, 32: 0, 64: 0}
    for phase in long.phases:
        sides[phase.resolution] += phase.images
    assert sides == {16: 80_000, 32: 100_000, 64: 4_000_000}
    assert long.snapshot_images == 65_536
    for options in (short, long, PRESETS["stylegan-32-cpu"], PRESETS["stylegan-64-cpu-transfer"]):
        assert (options.augment, options.augment_ramp_images) == ("adaptive", 100_000)
        assert not options.lr_warmup_images
    assert long.phases[:3] == short.phases[:3]
    assert long.network == short.network
