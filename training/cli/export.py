"""`anime-gan export`: weights -> ONNX -> parity check -> a new version in the repository."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from animegan_cli.console import complain, say
from animegan_cli.progress import ProgressBar
from training.export import dcgan, stylegan2
from training.export.graph import Contract, export, serve
from training.export.licence import HELP, LicenceError, learnt_from, licence_of_weights
from training.export.model import ServedModel
from training.export.parity import ParityError, measure
from training.export.repository import publish, released_in_steps
from training.files import FolderInUseError, sha256
from training.metrics.report import as_served
from training.metrics.samples import Noise
from training.networks.interface import DEFAULT_TRUNCATION, ImageGenerator
from training.networks.stylegan2 import Generator as StyleganGenerator
from training.networks.weights import WeightsError, load_generator

EPILOG = """\
Of a StyleGAN2 it writes four models, NAME, NAME_mapping, NAME_synthesis and NAME_layers, all with
the same new version (--only-generator: the first alone); of a DCGAN one, NAME. Nothing is published
unless ONNX Runtime agrees with PyTorch on 256 seeds. A running Triton keeps serving the version
that it loaded until it is told to load the model again. A model that `anime-gan models publish` has
released serves what it served: the new version waits for its own release.

The licence of the weights is that of the images that they learnt from, as the data sets tell it,
unless you give another one; weights that began with others have those images' licence as well.
Where nobody knows it, --licence has to say. What learnt from images in the public domain alone
(CC0-1.0) is its maker's to license: --licence Apache-2.0, as for the models that we ship.

example:
  anime-gan export --weights .local/runs/stylegan-64-cpu/generator.safetensors
"""

# What each kind of generator tells about its export: title, contracts, sizes, default_name.
EXPORTERS: dict[str, ModuleType] = {"stylegan2": stylegan2, "dcgan": dcgan}


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 published, 1 refused, 2 wrong usage."""
    arguments = parser().parse_args(argv)
    try:
        loaded, story = load_generator(arguments.weights)
        generator = as_wished(arguments, loaded)
        contracts = wanted_contracts(generator, arguments.only_generator)
        card = story_of_card(arguments, generator, story)
        releases = prepare(generator, contracts, arguments.name, card)
        published = publish(arguments.models, releases)
    except (OSError, WeightsError, LicenceError, FolderInUseError, ParityError) as error:
        complain(f"anime-gan export: {error}")
        return 1
    for (model, _), folder in zip(releases, published.values(), strict=True):
        digest = hashlib.sha256(model.onnx).hexdigest()
        say(f"{folder}  {len(model.onnx) / 1e6:.1f} MB  sha256 {digest[:16]}...")
    name = releases[0][0].name
    if released_in_steps(arguments.models / name):
        say(
            f"{name} is released in steps, and serves what it served: to release this version, "
            f"anime-gan models publish --name {name} --candidate {arguments.models}"
        )
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="anime-gan export",
        description="Export a trained generator to a Triton model repository, as a new version.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--weights", type=Path, required=True, help="generator.safetensors, as training writes it")
    add("--models", type=Path, default=Path("models"), help="repository (default: %(default)s)")
    add("--name", help="name of the served model (default: stylegan, dcgan_gray or dcgan_color)")
    add(
        "--truncation",
        type=truncation,
        help=f"default truncation of a StyleGAN2 (default: {DEFAULT_TRUNCATION})",
    )
    add("--drop-noise", action="store_true", help="no noise inputs: smaller and faster requests")
    add(
        "--only-generator",
        action="store_true",
        help="leave out the models of the parts: less memory, but no look inside",
    )
    add("--licence", help=HELP)
    add("--description", help="one sentence for ListModels (default: made from the weights)")
    return result


def truncation(text: str) -> float:
    """Parse a truncation psi: 0 (always the mean face) to 2."""
    value = float(text)
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text} is outside [0, 2]")
    return value


def as_wished(arguments: argparse.Namespace, generator: ImageGenerator) -> ImageGenerator:
    """The generator as it is to be exported: itself, or a copy without noise.

    Raises:
        WeightsError: this kind has no use for an option; names it.
    """
    if isinstance(generator, StyleganGenerator):
        return stylegan2.without_noise(generator) if arguments.drop_noise else generator
    for option, given in (
        ("--truncation", arguments.truncation is not None),
        ("--drop-noise", arguments.drop_noise),
    ):
        if given:
            raise WeightsError(
                f"{arguments.weights} holds a {generator.kind}, which has neither truncation nor "
                f"noise: leave {option} out"
            )
    return generator


def story_of_card(
    arguments: argparse.Namespace, generator: ImageGenerator, story: dict[str, Any]
) -> dict[str, Any]:
    """What the cards of all models of a release have in common."""
    config, exporter = generator.config, EXPORTERS[generator.kind]
    training = story["training"]
    dataset = training.get("dataset", {})
    side = config.resolution
    made = (
        f"{exporter.TITLE}, {side}x{side} pixels, trained on {dataset.get('name', 'unknown data')}"
    )
    card = {
        "description": arguments.description or made,
        "kind": generator.kind,
        "resolution": side,
        "channels": config.image_channels,
        "z_dim": config.z_dim,
        **exporter.sizes(generator),
        "licence": licence_of_weights(arguments.licence, learnt_from(training)),
        "dataset": dataset,
        "training": {
            "preset": training.get("preset"),
            "images_seen": training.get("images_seen"),
            "commit": training.get("commit"),
            "config": training.get("options"),
            "weights": sha256(arguments.weights),
            **{name: training[name] for name in ("begun_with",) if name in training},
        },
        "metrics": story["metrics"],
    }
    if generator.supports_truncation:
        given = arguments.truncation
        card["default_truncation"] = DEFAULT_TRUNCATION if given is None else given
        noise: Noise = "none" if arguments.drop_noise else "constant"
        card["metrics"], why = as_served(story["metrics"], card["default_truncation"], noise)
        if why:
            complain(f"anime-gan export: figures as served are not in the card: {why}")
    return card


def wanted_contracts(generator: ImageGenerator, only_generator: bool) -> list[Contract]:
    """What to serve: the generator itself, whose name has no suffix, and its parts."""
    contracts = EXPORTERS[generator.kind].contracts(generator)
    return [each for each in contracts if not (only_generator and each.suffix)]


def prepare(
    generator: ImageGenerator,
    contracts: Sequence[Contract],
    name: str | None,
    story: dict[str, Any],
) -> list[tuple[ServedModel, dict[str, Any]]]:
    """Export and check every contract; return the models with their cards' content.

    Raises:
        ParityError: a graph does not compute what the network does.
    """
    exporter = EXPORTERS[generator.kind]
    name = name or exporter.default_name(generator)
    releases = []
    for contract in ProgressBar(contracts, desc="export and check", unit="model"):
        graph = export(generator, contract)
        parity = measure(contract.graph(generator), graph, contract.inputs, contract.outputs)
        parity.check(name + contract.suffix)
        noise = sum(spec.shape[0] for spec in contract.inputs if spec.name == "noise")
        card = {**story, "noise_size": noise, "parity": parity.to_card()}
        releases.append((serve(name, contract, graph), card))
    return releases


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
