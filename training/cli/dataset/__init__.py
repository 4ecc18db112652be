"""`anime-gan dataset`: make, clean, split, look at and verify datasets.

anime-gan dataset render --out data/faces-64 --count 20000 --size 64
anime-gan dataset import zip faces.zip --out data/faces --licence CC-BY-4.0
anime-gan dataset clean data/faces --report reports/faces
anime-gan dataset split data/faces --train data/train --heldout data/heldout
anime-gan dataset inspect data/faces
anime-gan dataset sheet --dataset data/faces --out sheet.png
"""

from __future__ import annotations

from collections.abc import Sequence

from training.cli.dataset import clean, importing, inspect, render, sheet, split
from training.cli.verbs import run_verb
from training.datasets.store import DatasetError

VERBS = (render, importing, clean, split, inspect, sheet)
REFUSALS = (DatasetError, ImportError, OSError, ValueError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    return run_verb("anime-gan dataset", __doc__, VERBS, REFUSALS, argv)
