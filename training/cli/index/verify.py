"""`anime-gan index verify`."""

from __future__ import annotations

import argparse

from animegan_search.ssim.index import Index
from training.cli.arguments import HelpFormatter, Verbs
from training.cli.index.arguments import add_index, tell


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "verify",
        help="compare every byte of an index with its checksums",
        description="Compare every byte of an index with its checksums, and say what it is. Fails\n"
        "with the name of the first file that is not what the manifest says.",
        formatter_class=HelpFormatter,
    )
    add_index(parser)
    parser.add_argument("--quick", action="store_true", help="sizes and shapes only")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    tell(Index.open(arguments.index, verify=not arguments.quick))
    return 0
