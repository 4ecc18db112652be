"""`anime-gan index build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_search.ssim.definition import DEFINITIONS, UNIFORM7, definition
from training.cli.arguments import HelpFormatter, Verbs
from training.cli.index.arguments import (
    INDEXES,
    add_cache,
    add_means,
    add_shard_images,
    means,
    open_dataset,
    tell,
)
from training.datasets.store import Dataset
from training.index.building import build
from training.index.heldout import check_shape

EPILOG = """\
examples:
  anime-gan index build --dataset data/train --heldout data/heldout
  anime-gan index build --dataset data/train --definition gaussian \\
      --out .local/indexes/train-gaussian

Without --heldout the index answers searches, but gives no verdicts."""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "build",
        help="make an index of a dataset",
        description="Make an index of a dataset, for exact search by SSIM. It appears when all of\n"
        "it is written. When interrupted, run the same command again: finished shards are\n"
        "verified and kept. A finished index is verified.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    add_argument = parser.add_argument
    add_argument("--dataset", type=Path, required=True, metavar="DIR", help="the references")
    add_argument("--heldout", type=Path, metavar="DIR", help="images like them, not among them")
    add_argument(
        "--out", type=Path, metavar="DIR", help=f"the index; {INDEXES}/<dataset> when absent"
    )
    add_argument(
        "--definition", choices=list(DEFINITIONS), default=UNIFORM7.name, help="which SSIM"
    )
    add_argument("--name", help="what requests call the index; the directory's name when absent")
    add_shard_images(parser)
    add_cache(parser)
    add_means(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    dataset = Dataset.open(arguments.dataset.resolve())
    out = arguments.out or INDEXES / dataset.directory.name
    heldout = open_dataset(arguments.heldout)
    if heldout:
        from training.index.unseen import check_dataset

        check_shape(dataset.header.image_shape(), heldout)
        check_dataset(heldout, dataset, arguments.cache)
    with means(arguments) as how:
        index = build(
            out,
            dataset,
            definition(arguments.definition),
            heldout=heldout,
            name=arguments.name,
            shard_images=arguments.shard_images,
            means=how,
        )
    tell(index)
    return 0
