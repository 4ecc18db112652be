"""`anime-gan copies index`."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.copies.building import build
from training.copies.embedding import Embedder
from training.datasets.commands.options import HelpFormatter, Verbs, say
from training.datasets.store import Dataset

EPILOG = """\
example:
  anime-gan copies index --dataset .local/datasets/procedural-64 \\
      --heldout .local/datasets/procedural-64-heldout --out .local/copies/procedural-64

The folder holds 512 bytes an image. It belongs to one version of the detector and one state of the
dataset; build it again when either changes (a minute for 20,000 images on one core).
"""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "index",
        help="embed all images of a dataset, and calibrate on held-out ones",
        description="Embed the images that copies are to be looked for among. How near the\n"
        "held-out images come decides when a picture is judged a copy.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--dataset", type=Path, required=True, help="images to look among")
    option("--heldout", type=Path, required=True, help="images of the same kind, none of them")
    option("--out", type=Path, required=True, help="folder to write")
    option("--models", type=Path, default=Path("models"), help="repository of the detector")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    dataset, heldout = Dataset.open(arguments.dataset), Dataset.open(arguments.heldout)
    index = build(Embedder(arguments.models), dataset, heldout, arguments.out)
    calibration = index.manifest.calibration
    low, high = calibration.false_alarm_interval()
    say(f"{arguments.out}: {len(index)} images of {dataset.header.name}")
    say(f"a picture is judged a copy if its similarity is above {calibration.threshold():.4f}")
    say(
        f"so are 1 % of unseen images (95 %: {low:.2%} to {high:.2%}), by {calibration.count} of "
        f"{heldout.header.name}"
    )
    return 0
