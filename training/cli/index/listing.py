"""`anime-gan index list`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from animegan_cli.console import complain, say
from animegan_search.ssim.index import Index, SearchIndexError, index_directories
from training.cli.arguments import HelpFormatter, Verbs
from training.cli.index.arguments import INDEXES

COLUMNS = "{:<24} {:<10} {:>14} {:>10} {:>7} {:>9}  {}"


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "list",
        help="list the indexes of a folder",
        description="List the indexes of a folder. Sizes and shapes are checked; one that is\n"
        "damaged is named on stderr, and the exit status is 1.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--indexes", type=Path, default=INDEXES, metavar="DIR", help="the folder")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    indexes, failures = [], []
    for directory in index_directories(arguments.indexes):
        try:
            indexes.append(Index.open(directory, verify=False))
        except SearchIndexError as error:
            failures.append(error)
    say(json.dumps([index.describe() for index in indexes]) if arguments.json else _table(indexes))
    for failure in failures:
        complain(str(failure))
    if not indexes and not failures:
        complain(f"there is no index in {arguments.indexes}: make one with `anime-gan index build`")
    return 1 if failures else 0


def _table(indexes: list[Index]) -> str:
    lines = [COLUMNS.format("index", "SSIM", "size", "images", "shards", "MB", "verdicts")]
    return "\n".join(lines + [_line(index) for index in indexes])


def _line(index: Index) -> str:
    height, width, channels = index.shape
    stale = "stale" if index.manifest.calibration else "no"
    return COLUMNS.format(
        index.name,
        index.definition.name,
        f"{width}x{height}x{channels}",
        index.count,
        len(index.shards),
        round(sum(file.bytes for file in index.manifest.files()) / 1e6),
        "yes" if index.calibration else stale,
    )
