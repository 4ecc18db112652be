"""`anime-gan methods`: how a service can enlarge."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from animegan_cli.console import Parser, say, table
from animegan_cli.service import UPSCALER, add_service_arguments, connect, run
from animegan_client import UpscalerClient
from animegan_client.upscaler.types import MethodInfo


def main(argv: list[str]) -> int:
    """List the methods of a service; the default one is marked with a star."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    return run(parser.prog, lambda: _list(arguments), flags={}, service=UPSCALER)


def _list(arguments: argparse.Namespace) -> None:
    with connect(UpscalerClient, arguments) as client:
        methods = client.list_methods(timeout=arguments.timeout)
    if arguments.json:
        say(json.dumps([asdict(method) for method in methods], indent=2))
    else:
        head = ("", "METHOD", "DOES", "VERSION", "LICENCE", "DESCRIPTION")
        say(table([head, *(row for method in methods for row in _rows(method))]))


def _rows(method: MethodInfo) -> Sequence[tuple[str, ...]]:
    """A row for each model of a method; filters have none, and one row."""
    star = "*" if method.is_default else ""
    if method.is_filter:
        return [(star, method.name, "any scale", "-", "-", "classical filter")]
    rows = []
    for model in method.models:
        does = f"{model.scale}x" + (f", noise {model.noise}" if model.noise >= 0 else "")
        rows.append((star, method.name, does, str(model.version), model.licence, model.description))
    return rows


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan methods",
        description="List the methods that enlarge pictures; * marks the default.",
        epilog=UPSCALER.environment,
    )
    parser.add_argument("--json", action="store_true", help="print all that is known, as JSON")
    add_service_arguments(parser, UPSCALER)
    return parser
