"""`anime-gan indexes`: what a similarity service can search."""

import argparse
import json
from dataclasses import asdict

from animegan_cli.console import Parser, say, table
from animegan_cli.service import SIMILARITY, add_service_arguments, connect, run
from animegan_client import SimilarityClient
from animegan_client.similarity.types import IndexInfo

HEAD = ("INDEX", "IMAGES", "SIZE", "SSIM", "SHARDS", "COPY IF OVER", "DIGEST")


def main(argv: list[str]) -> int:
    """List the indexes of a service; the default one is marked with a star."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    return run(parser.prog, lambda: _list(arguments), flags={}, service=SIMILARITY)


def _list(arguments: argparse.Namespace) -> None:
    with connect(SimilarityClient, arguments) as client:
        indexes = client.list_indexes(timeout=arguments.timeout)
    if arguments.json:
        say(json.dumps([asdict(index) for index in indexes], indent=2))
    elif indexes:
        say(table([HEAD, *(_row(index) for index in indexes)]))
    else:
        say("There is no index yet: `make index` builds the default one.")


def _row(index: IndexInfo) -> tuple[str, ...]:
    served = sum(shard.available for shard in index.shards)
    shards = f"{len(index.shards)}" if served == len(index.shards) else f"{served} of them served"
    calibration = index.calibration
    threshold = "not calibrated"
    if calibration:
        rate = 100 * calibration.false_alarm_rate
        threshold = f"{calibration.threshold:.3f} at {rate:.3g}%"
    return (
        f"{'* ' if index.is_default else '  '}{index.name}",
        str(index.count),
        f"{index.width}x{index.height}x{index.channels}",
        index.definition,
        shards,
        threshold,
        index.digest[:12],
    )


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan indexes",
        description="List the indexes of a similarity service; * marks the default.\n"
        "COPY IF OVER: the SSIM over which a picture is called a copy, and the share of\n"
        "unseen real images that are called so by mistake.",
        epilog=SIMILARITY.environment,
    )
    parser.add_argument("--json", action="store_true", help="print all that is known, as JSON")
    add_service_arguments(parser, SIMILARITY)
    return parser
