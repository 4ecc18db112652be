"""`anime-gan copies export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs
from training.copies.export import publish_detector
from training.export.licence import HELP, learnt_from, licence_of_weights
from training.export.triton_config import MODEL_FILE
from training.files import sha256
from training.networks.copy_detector_weights import load_detector


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "export",
        help="weights -> ONNX -> parity check -> a new version of models/copy_detector",
        description="Export a copy detector to a Triton model repository. Nothing is published\n"
        "unless ONNX Runtime agrees with PyTorch on 256 pictures. Embeddings of different\n"
        "versions do not compare: build the indexes again afterwards.",
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--weights", type=Path, required=True, help="detector.safetensors of a run")
    option("--models", type=Path, default=Path("models"), help="repository")
    option("--licence", help=HELP)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    network, training = load_detector(arguments.weights)
    licence = licence_of_weights(arguments.licence, learnt_from(training))
    folder = publish_detector(arguments.models, network, training, licence)
    model = folder / MODEL_FILE
    say(f"{folder}  {model.stat().st_size / 1e6:.1f} MB  sha256 {sha256(model)[:16]}...")
    return 0
