"""`anime-gan dataset split`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from training.cli.arguments import CACHE, HelpFormatter, Verbs, add_likeness, likeness, share
from training.datasets.splitting import DEFAULT_SHARE, split, write_split
from training.datasets.store import Dataset
from training.files import writing


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "split",
        help="split into training and held-out images, copies on one side",
        description="Split a dataset by the hashes of its pictures' content. Images of one file,\n"
        "equal and nearly equal ones form a group, and a group falls on one side as a whole: no\n"
        "held-out image has a copy among the training images. A picture that is like no other\n"
        "always falls on the same side; a group whose members change may move. The dataset itself\n"
        "stays as it is.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("dataset", type=Path, metavar="DIR")
    parser.add_argument("--train", type=Path, required=True, metavar="DIR", help="to write")
    parser.add_argument("--heldout", type=Path, required=True, metavar="DIR", help="to write")
    parser.add_argument("--share", type=share, default=DEFAULT_SHARE, help="held out of all")
    parser.add_argument("--salt", default="", help="another text gives an independent split")
    parser.add_argument("--cache", type=Path, default=CACHE, help="what is known of images")
    add_likeness(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    dataset = Dataset.open(arguments.dataset)
    limits = likeness(arguments)
    choice = (limits, arguments.share, arguments.salt)
    found = split(dataset, *choice, arguments.cache)
    say(
        f"{found.grouped} of {len(dataset)} images are like others and stay with them; the largest "
        f"group holds {found.largest}"
    )
    with writing(arguments.train), writing(arguments.heldout):
        digests = write_split(dataset, found, arguments.train, arguments.heldout, *choice)
    for directory, indices, total in (
        (arguments.train, found.train, digests[0]),
        (arguments.heldout, found.heldout, digests[1]),
    ):
        say(f"{directory}: {len(indices)} images, digest {total}")
    return 0
