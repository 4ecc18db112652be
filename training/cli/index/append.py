"""`anime-gan index append`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_search.ssim.index import Index
from training.cli.arguments import HelpFormatter, Verbs
from training.cli.index.arguments import (
    add_cache,
    add_index,
    add_means,
    add_no_calibration,
    add_shard_images,
    means,
    tell,
)
from training.datasets.store import Dataset
from training.index.building import append
from training.index.heldout import check_shape


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "append",
        help="add a dataset to an index",
        description="Add a dataset's images to an index, as new shards. Ids that are there stay;\n"
        "new ones go on after the last one ever given. The held-out images are searched in the\n"
        "new shards. When interrupted, run the same command again.",
        formatter_class=HelpFormatter,
    )
    add_index(parser)
    parser.add_argument("--dataset", type=Path, required=True, metavar="DIR", help="what to add")
    add_shard_images(parser)
    add_no_calibration(parser)
    add_cache(parser)
    add_means(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    dataset = Dataset.open(arguments.dataset.resolve())
    from training.index.unseen import check_appended

    index = Index.open(arguments.index, verify=False)
    check_shape(index.shape, dataset)
    check_appended(index, dataset, arguments.cache)
    with means(arguments) as how:
        index = append(
            arguments.index,
            dataset,
            recalibrate=not arguments.no_calibration,
            shard_images=arguments.shard_images,
            means=how,
        )
    tell(index)
    return 0
