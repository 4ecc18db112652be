"""The command `anime-gan`: a table of verbs, each loaded only when it is called."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from animegan_cli.console import Parser, complain
from animegan_cli.verb import CannotLoadError, Verb, load

VERBS = (
    Verb("generate", "animegan_cli.verbs.generate:main", "make faces from seeds"),
    Verb("models", "animegan_cli.verbs.models:main", "list the models of a service"),
    Verb("search", "animegan_cli.verbs.search:main", "find the nearest training images"),
    Verb("explain", "animegan_cli.verbs.explain:main", "show where two pictures are alike"),
    Verb("indexes", "animegan_cli.verbs.indexes:main", "list what can be searched"),
    Verb("upscale", "animegan_cli.verbs.upscale:main", "enlarge pictures"),
    Verb("methods", "animegan_cli.verbs.methods:main", "list the ways to enlarge"),
    Verb("project", "training.cli.project:main", "from your own pictures to a served model", "dev"),
    Verb("dataset", "training.cli.dataset:main", "make or check a training data set"),
    Verb("index", "training.cli.index:main", "make an index for exact search by SSIM"),
    Verb("train", "training.cli.train:main", "train a model"),
    Verb("ablate", "training.cli.ablate:main", "compare variants of a training recipe"),
    Verb("timelapse", "training.cli.timelapse:main", "animate the sample sheets of a run"),
    Verb("export", "training.cli.export:main", "turn a checkpoint into a served model"),
    Verb("evaluate", "training.cli.evaluate:main", "measure a model's quality"),
    Verb("audit", "training.cli.audit:main", "look for copies among images, as a report"),
    Verb(
        "compare-upscalers",
        "training.cli.compare_upscalers:main",
        "measure how near enlarged pictures come to the truth",
    ),
    Verb("upscaler", "training.cli.upscaler:main", "train what enlarges faces"),
    Verb("waifu2x", "training.cli.waifu2x:main", "get networks that enlarge"),
    Verb("copies", "training.cli.copies:main", "find images that were changed and used again"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `anime-gan` with `argv` (default: the process's) and return its exit code.

    0: done, 1: it failed, 2: wrong usage, 130: interrupted.
    """
    arguments = _parser().parse_args(argv)
    verb = next(verb for verb in VERBS if verb.name == arguments.verb)
    try:
        return load(verb)(arguments.arguments)
    except CannotLoadError as error:
        complain(f"anime-gan {verb.name}: {error}")
        return 1
    except KeyboardInterrupt:
        complain(f"anime-gan {verb.name}: interrupted")
        return 130


def _parser() -> Parser:
    width = max(len(verb.name) for verb in VERBS)
    verbs = "\n".join(f"  {verb.name:<{width}}  {verb.help}" for verb in VERBS)
    parser = Parser(
        prog="anime-gan",
        description="Invents anime faces, tells whether they are new, and enlarges pictures.",
        epilog=f"verbs:\n{verbs}\n\n`anime-gan VERB --help` tells more about one.",
    )
    parser.add_argument("--version", action="version", version=version("anime-gan"))
    parser.add_argument("verb", choices=[verb.name for verb in VERBS], metavar="VERB")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="what the verb takes"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
