"""`anime-gan upscaler native`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs
from training.export.native import add_native


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "native",
        help="add model.native.onnx to versions that were exported without it",
        description="Add to every version of upscalers what an export writes today beside\n"
        "model.onnx, which stays as it is: the same network with the native convolutions.",
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--models", type=Path, default=Path("models"), help="repository")
    option("names", nargs="*", metavar="NAME", help="models (default: all upscale_*)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    chosen = [arguments.models / name for name in arguments.names]
    for folder in chosen or sorted(arguments.models.glob("upscale_*")):
        for path in add_native(folder):
            say(f"{path}  {path.stat().st_size / 1e3:.0f} kB")
    return 0
