"""`anime-gan dataset`: make, clean, split, look at and verify datasets.

anime-gan dataset render --out data/faces-64 --count 20000 --size 64
anime-gan dataset import zip faces.zip --out data/faces --licence CC-BY-4.0
anime-gan dataset clean data/faces --report reports/faces
anime-gan dataset split data/faces --train data/train --heldout data/heldout
anime-gan dataset inspect data/faces
anime-gan dataset sheet --dataset data/faces --out sheet.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.datasets.commands import clean, importing, inspect, render, sheet, split
from training.datasets.store import DatasetError

VERBS = (render, importing, clean, split, inspect, sheet)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (DatasetError, ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"anime-gan dataset: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command goes on where this one stopped\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anime-gan dataset",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
