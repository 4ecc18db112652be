"""`anime-gan dataset split`."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.datasets.commands.options import HelpFormatter, Verbs, say, share, warn
from training.datasets.splitting import DEFAULT_SHARE, split, write_split
from training.datasets.store import Dataset


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "split",
        help="split into training and held-out images by content",
        description="Split a dataset by the hash of each picture's content, so that the same\n"
        "picture always falls on the same side: in any order, at any size, whatever else the\n"
        "dataset holds. The dataset itself stays as it is.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("dataset", type=Path, metavar="DIR")
    parser.add_argument("--train", type=Path, required=True, metavar="DIR", help="to write")
    parser.add_argument("--heldout", type=Path, required=True, metavar="DIR", help="to write")
    parser.add_argument("--share", type=share, default=DEFAULT_SHARE, help="held out of all")
    parser.add_argument("--salt", default="", help="another text gives an independent split")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    dataset = Dataset.open(arguments.dataset)
    sides = split(dataset, arguments.share, arguments.salt)
    if sides.shared:
        warn(
            f"{sides.shared} held-out images are among the training images as well (equal pixels "
            "out of different files): run `anime-gan dataset clean` first"
        )
    digests = write_split(
        dataset, sides, arguments.train, arguments.heldout, arguments.share, arguments.salt
    )
    for directory, indices, total in (
        (arguments.train, sides.train, digests[0]),
        (arguments.heldout, sides.heldout, digests[1]),
    ):
        say(f"{directory}: {len(indices)} images, digest {total}")
    return 0
