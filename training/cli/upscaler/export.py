"""`anime-gan upscaler export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs
from training.export.licence import HELP, learnt_from, licence_of_weights
from training.export.triton_config import MODEL_FILE
from training.files import sha256
from training.upscaling.compact.network import CompactUpscaler
from training.upscaling.compact.weights import load_upscaler
from training.upscaling.export import publish_upscaler
from training.upscaling.measured import metrics

NO_NOISE = -1


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "export",
        help="weights -> one kernel per layer -> ONNX -> parity check -> models/upscale_compact_2x",
        description="Export a compact network to a Triton model repository, as a new version.\n"
        "Nothing is published unless ONNX Runtime agrees with PyTorch.",
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--weights", type=Path, required=True, help="upscaler.safetensors of a run")
    option("--models", type=Path, default=Path("models"), help="repository")
    option("--method", default="compact", help="what requests will call it")
    option("--licence", help=HELP)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    learnt, training = load_upscaler(arguments.weights)
    network, method = learnt.collapse(), arguments.method
    licence = licence_of_weights(arguments.licence, learnt_from(training))
    story = card_of(network, training, licence)
    folder = publish_upscaler(arguments.models, network, method, NO_NOISE, story)
    model = folder / MODEL_FILE
    say(f"{folder}  {model.stat().st_size / 1e3:.0f} kB  sha256 {sha256(model)[:16]}...")
    return 0


def card_of(network: CompactUpscaler, training: dict[str, Any], licence: str) -> dict[str, Any]:
    """What the model card tells besides what every upscaler's card does."""
    config, names = network.config, [dataset["name"] for dataset in training["datasets"]]
    return {
        "description": f"compact network for anime faces, 2x, {config.depth + 2} layers of "
        f"{config.width} channels, trained on {' and '.join(names)}",
        "licence": licence,
        "parameters": sum(each.numel() for each in network.parameters()),
        "datasets": training["datasets"],
        "training": {
            "preset": training["preset"],
            "images_seen": training["images_seen"],
            "commit": training["commit"],
            "config": training["options"],
            "blend": training.get("blend"),
            **{name: training[name] for name in ("begun_with",) if name in training},
        },
        "metrics": metrics(network, NO_NOISE),
    }
