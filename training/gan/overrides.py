"""Options of `anime-gan train` that change a preset: what they are called and what they do."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.files import sha256
from training.gan.losses import LOSSES
from training.gan.options import GanOptions
from training.gan.presets import PRESETS
from training.gan.scaling import step_size_factor
from training.gan.stylegan2.options import AUGMENT, StyleganOptions
from training.gan.trainer import WEIGHTS_SUFFIX
from training.networks.interface import NetworkShape
from training.networks.weights import load_generator
from training.run.checkpoint import check_complete, load_checkpoint

# Flags that set a field of the options, by the field's name.
FIELDS = (
    "seed",
    "precision",
    "loss",
    "augment",
    "augment_p",
    "augment_target",
    "augment_ramp_images",
    "freeze_d",
    "r1_interval",
    "path_length_weight",
    "lr_generator",
    "lr_discriminator",
    "lr_warmup_images",
    "discriminator_first_images",
    "lr_decay_from",
    "ema_half_life",
    "texture_from",
    "snapshot_images",
)
# Adam's mean square looks back over some 100 steps (beta 2 is 0.99): 1,600 images in batches of 16.
# Until then steps are too long. A longer warm-up only keeps the generator behind its discriminator;
# docs/training/stylegan.md measures it.
TRANSFER_WARMUP_IMAGES = 2_000
# A generator without its discriminator waits until the new one tells real from fake.
DISCRIMINATOR_FIRST_IMAGES = 16_000


def add_overrides(group: argparse._ArgumentGroup) -> None:
    """Fields of the options."""
    add = group.add_argument
    add("--seed", type=int, help="of weights and draws")
    add("--images", type=int, metavar="N", help="real images in all: the last phase is stretched")
    add(
        "--batch",
        type=int,
        help="real images per step, over all processes and passes; step sizes, R1 and average "
        "follow it",
    )
    add(
        "--no-growing",
        dest="growing",
        action="store_false",
        default=None,
        help="all images at the full resolution",
    )
    add("--precision", choices=("auto", "fp32", "bf16"))
    add("--loss", choices=sorted(LOSSES), help="relativistic adds R2 to R1 (R3GAN)")
    add("--augment", choices=AUGMENT, help="what the discriminator sees, for few real images")
    add("--augment-p", type=float, metavar="P", help="fixed probability, or adaptive's first one")
    add("--augment-target", type=float, metavar="R", help="sign of real logits that adaptive holds")
    add("--augment-ramp-images", type=int, metavar="N", help="images from p = 0 to 1, adaptive")
    add("--freeze-d", type=int, metavar="N", help="with --transfer: first layers that stay")
    add("--r1-scale", type=float, metavar="F", help="multiply the R1 weights of all phases")
    add("--r1-interval", type=int, metavar="N", help="steps between two R1 penalties")
    add("--path-length-weight", type=float, metavar="W", help="of its regularisation; 0: none")
    add("--lr-generator", type=float, metavar="RATE", help="Adam's step size")
    add("--lr-discriminator", type=float, metavar="RATE", help="Adam's step size")
    add(
        "--lr-warmup-images",
        type=int,
        metavar="N",
        help=f"images over which step sizes rise from 0; {TRANSFER_WARMUP_IMAGES} with --transfer",
    )
    add(
        "--discriminator-first-images",
        type=int,
        metavar="N",
        help="images that teach the discriminator alone, before the generator's steps rise; "
        f"{DISCRIMINATOR_FIRST_IMAGES} where --transfer brings a generator alone",
    )
    add("--lr-decay-from", type=float, metavar="SHARE", help="of all images: then half the steps")
    add("--ema-half-life", type=int, metavar="N", help="of the moving average, in images")
    add("--texture-from", type=float, metavar="SHARE", help="of all images: then noise and mixing")
    add(
        "--network",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a size of the networks, such as channel_min=64; may be given several times",
    )
    add("--snapshot-images", type=int, metavar="N", help="images between two checkpoints")


def read_options(arguments: argparse.Namespace) -> GanOptions:
    """The preset's options with those of the command line.

    What follows from others comes first, so that an option that sets it by hand has the last word.

    Raises:
        ValueError: this kind of network has no such option, or the value cannot be.
    """
    options = PRESETS[arguments.preset]
    given = _given(arguments, FIELDS)
    for name in given:
        if not hasattr(options, name):
            raise ValueError(_unknown(name, options))
    if arguments.transfer:
        options = dataclasses.replace(options, network=transferred(arguments.transfer, options))
        given["transfer"] = sha256(arguments.transfer)
        given.setdefault("lr_warmup_images", TRANSFER_WARMUP_IMAGES)
        if arguments.transfer.suffix == WEIGHTS_SUFFIX:
            given.setdefault("discriminator_first_images", DISCRIMINATOR_FIRST_IMAGES)
    if arguments.batch is not None:
        options = options.with_batch(arguments.batch)
    if arguments.growing is not None:
        if not isinstance(options, StyleganOptions):
            raise ValueError(_unknown("no_growing", options))
        options = options.without_growing()
    if arguments.images is not None:
        options = options.with_images(arguments.images)
    if arguments.r1_scale is not None:
        options = options.with_r1(arguments.r1_scale)
    network = read_network(options.network, arguments.network)
    return dataclasses.replace(options, network=network, **given)


def transferred(file: Path, options: GanOptions) -> NetworkShape:
    """The networks of a checkpoint or a weights file, which a run under these options begins with.

    Raises:
        ValueError: it is none, of another kind, or draws pictures of another size.
        OSError: it cannot be read.
    """
    if file.suffix == WEIGHTS_SUFFIX:
        generator, _ = load_generator(file)
        kind, network = generator.kind, generator.config
    else:
        state = load_checkpoint(file, torch.device("cpu"))
        try:
            check_complete(state, ("options",))
            network = type(options).from_json(state["options"]).network
        except ValueError as error:
            raise ValueError(f"--transfer: {file}: {error}") from error
        kind = options.kind
    if kind != options.kind:
        raise ValueError(f"--transfer: {file} holds a {kind}, the preset trains a {options.kind}")
    for name in ("resolution", "image_channels"):
        there, wanted = getattr(network, name), getattr(options.network, name)
        if there != wanted:
            raise ValueError(
                f"--transfer: the {name} of {file} is {there}, that of the preset {options.preset} "
                f"{wanted}: choose another --preset"
            )
    return network


def read_network(network: NetworkShape, sizes: Sequence[str]) -> NetworkShape:
    """The preset's networks with the sizes of the command line.

    Raises:
        ValueError: a size is unknown, or cannot be.
    """
    known = dataclasses.asdict(network)
    given: dict[str, int | float | str] = {}
    for size in sizes:
        name, _, value = size.partition("=")
        if name not in known:
            raise ValueError(f"--network: {name!r} is unknown; there are {', '.join(known)}")
        if type(known[name]) not in (int, float, str):
            raise ValueError(f"--network: {name} is set by the preset alone")
        try:
            given[name] = type(known[name])(value)
        except ValueError as error:
            raise ValueError(f"--network: {name} needs a number, got {value!r}") from error
    return dataclasses.replace(network, **given)


def scaling_note(arguments: argparse.Namespace) -> str:
    """What a changed --batch does to the rest of the preset, for people; nothing without one."""
    before = PRESETS[arguments.preset].batch
    batch = arguments.batch
    if batch in (None, before):
        return ""
    return (
        f"--batch {batch} in place of {before}: step sizes x {step_size_factor(batch, before):.2f},"
        f" R1 x {before / batch:.2f}, half-life of the average x {batch / before:.2f}, unless "
        "options set them"
    )


def _given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _unknown(name: str, options: GanOptions) -> str:
    flag = "--" + name.replace("_", "-")
    return f"{flag}: a {options.kind} such as {options.preset} has no such option"
