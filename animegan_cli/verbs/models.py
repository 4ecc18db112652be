"""`anime-gan models`: what a service can draw with."""

import argparse
import json
from dataclasses import asdict

from animegan_cli.console import Parser, say
from animegan_cli.service import GENERATOR, add_service_arguments, connect, run
from animegan_cli.verbs import Verb, load
from animegan_client import GeneratorClient, ModelInfo

# What engineers do with them; it needs a checkout.
_RELEASES = Verb("models", "training.cli.models:main", "release a model", group="release")
_STEPS = ("gate", "publish", "load", "canary", "watch", "promote", "rollback", "history")
_RELEASING = f"to release a model:\n  anime-gan models {'|'.join(_STEPS)} --help\n\n"


def main(argv: list[str]) -> int:
    """List the models of a service, the default one with a star; or take a step of a release."""
    if argv and argv[0] in _STEPS:
        return load(_RELEASES)(argv)
    parser = _parser()
    arguments = parser.parse_args(argv)
    return run(parser.prog, lambda: _list(arguments), flags={})


def _list(arguments: argparse.Namespace) -> None:
    with connect(GeneratorClient, arguments) as client:
        models = client.list_models(timeout=arguments.timeout)
    if arguments.json:
        say(json.dumps([asdict(model) for model in models], indent=2))
        return
    for model in models:
        say(_line(model))


def _line(model: ModelInfo) -> str:
    star = "*" if model.is_default else " "
    size = f"{model.resolution}x{model.resolution}x{model.channels}"
    return f"{star} {model.name} v{model.version}  {size}  {model.licence}  {model.description}"


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan models",
        description="List the models of a service; * marks the default.",
        epilog=(_RELEASING if _RELEASES.is_installed else "") + GENERATOR.environment,
    )
    parser.add_argument("--json", action="store_true", help="print all that is known, as JSON")
    add_service_arguments(parser, GENERATOR)
    return parser
