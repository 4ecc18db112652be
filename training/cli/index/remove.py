"""`anime-gan index remove`."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.cli.arguments import HelpFormatter, Verbs, natural
from training.cli.index.arguments import add_index, add_means, add_no_calibration, means, tell
from training.index.changing import remove

EPILOG = """\
examples:
  anime-gan index remove .local/indexes/faces --ids 17 4711
  anime-gan index remove .local/indexes/faces --ids-file withdrawn.txt

The images' pixels stay in the index's files until it is built anew."""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "remove",
        help="take images out of every search",
        description="Take images out of every search, by their ids. Held-out images whose nearest\n"
        "reference goes are searched again.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    add_index(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--ids", type=natural, nargs="+", metavar="ID", help="which images")
    which.add_argument("--ids-file", type=Path, metavar="FILE", help="a text file, an id a line")
    add_no_calibration(parser)
    add_means(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    ids = arguments.ids or _read(arguments.ids_file)
    with means(arguments) as how:
        index = remove(arguments.index, ids, not arguments.no_calibration, how)
    tell(index)
    return 0


def _read(path: Path) -> list[int]:
    lines = enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
    numbered = [(number, line.strip()) for number, line in lines if line.strip()]
    wrong = [number for number, line in numbered if not line.isdecimal()]
    if wrong:
        raise ValueError(f"--ids-file: line {wrong[0]} of {path} is no id")
    return [int(line) for _, line in numbered]
