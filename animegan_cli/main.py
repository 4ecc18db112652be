"""The command `anime-gan`: finds the verb, loads only that one, and runs it."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from animegan_cli.console import Parser, complain
from animegan_cli.verbs import (
    CHECKOUT,
    INSTALL_EXTRA,
    VERBS,
    CannotLoadError,
    Verb,
    load,
    missing_extra,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `anime-gan` with `argv` (default: the process's) and return its exit code.

    0: done, 1: it failed, 2: wrong usage, 130: interrupted.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    verb = _named(arguments.verb, parser)
    try:
        return load(verb)(arguments.arguments)
    except CannotLoadError as error:
        complain(f"anime-gan {verb.name}: {error}")
        return 1
    except KeyboardInterrupt:
        complain(f"anime-gan {verb.name}: interrupted")
        return 130


def _named(name: str, parser: Parser) -> Verb:
    """The verb of this name; also one that is not installed, which says so when it is loaded."""
    verbs = {verb.name: verb for group in VERBS.values() for verb in group}
    if name not in verbs:
        listed = ", ".join(verb.name for verb in verbs.values() if verb.is_installed)
        parser.error(f"argument VERB: invalid choice: {name!r} (choose from {listed})")
    return verbs[name]


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan",
        description="Invents anime faces, tells whether they are new, and enlarges pictures.",
        epilog=f"{_verbs()}\n\n`anime-gan VERB --help` tells more about one.",
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.add_argument("verb", metavar="VERB", help="one of those below")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="what the verb takes"
    )
    return parser


def _version() -> str:
    """The version of the package; an image may hold the code without installing it."""
    try:
        return version("anime-gan")
    except PackageNotFoundError:
        return "not installed as a package"


def _verbs() -> str:
    """The verbs that are installed, by what they are for, and what the others need."""
    installed = {
        purpose: [verb for verb in verbs if verb.is_installed] for purpose, verbs in VERBS.items()
    }
    width = max(len(verb.name) for verbs in installed.values() for verb in verbs)
    lines = []
    for purpose, verbs in installed.items():
        if verbs:
            lines += [
                f"{purpose}:",
                *(f"  {verb.name:<{width}}  {verb.help}" for verb in verbs),
                "",
            ]
    if not all(verb.is_installed for group in VERBS.values() for verb in group):
        lines += ["", f"{CHECKOUT[0].upper()}{CHECKOUT[1:]}."]
    if missing_extra():
        lines += ["", f"Verbs that handle pictures need Pillow and tqdm: `{INSTALL_EXTRA}`."]
    return "\n".join(lines).lstrip()


if __name__ == "__main__":
    sys.exit(main())
