"""`anime-gan index calibrate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_search.ssim.index import Index
from training.cli.arguments import HelpFormatter, Verbs
from training.cli.index.arguments import (
    add_cache,
    add_index,
    add_means,
    means,
    open_dataset,
    tell,
)
from training.index.changing import calibrate
from training.index.heldout import check_shape

EPILOG = """\
examples:
  anime-gan index calibrate .local/indexes/faces --heldout data/heldout
  anime-gan index calibrate .local/indexes/faces        # the same images as last time

A false-alarm rate of 1 % needs 99 held-out images at least; 2,000 are better. With fewer than 99,
verdicts have the least rate that the images carry."""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "calibrate",
        help="measure how close unseen images come",
        description="Search held-out images, which are like the index's but not among them, to\n"
        "know how close unseen images come. They are kept in the index, so that it can be\n"
        "calibrated again by itself. Copies of the index's images, mirrored or compressed ones as\n"
        "well, are refused. When interrupted, run the same command again: finished\n"
        "shards are kept.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    add_index(parser)
    parser.add_argument("--heldout", type=Path, metavar="DIR", help="dataset of held-out images")
    add_cache(parser)
    add_means(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    heldout = open_dataset(arguments.heldout)
    # Servers and the demo, which have no use for it, do without what it loads.
    from training.index.unseen import check_index

    index = Index.open(arguments.index, verify=False)
    if heldout:
        check_shape(index.shape, heldout)
    check_index(index, heldout, arguments.cache)
    with means(arguments) as how:
        index = calibrate(arguments.index, heldout, how)
    tell(index)
    return 0
