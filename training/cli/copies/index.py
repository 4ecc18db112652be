"""`anime-gan copies index`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from animegan_search.ssim.index import Index
from training.cli.arguments import HelpFormatter, Verbs
from training.copies.building import build
from training.copies.embedding import Embedder

EPILOG = """\
example:
  anime-gan copies index .local/indexes/procedural-64

The embeddings take 512 bytes an image. They belong to one version of the detector and one state of
the index; run the command again when either changes (a minute for 20,000 images on one core).
"""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "index",
        help="embed all images of an SSIM index, and calibrate on its held-out ones",
        description="Embed the images that copies are to be looked for among: those of an index\n"
        "that `anime-gan index build` made with --heldout. How near the held-out images come\n"
        "decides when a picture is judged a copy.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("index", type=Path, metavar="INDEX", help="directory of the SSIM index")
    option("--models", type=Path, default=Path("models"), help="repository of the detector")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    index = Index.open(arguments.index)
    copies = build(Embedder(arguments.models), index)
    calibration = copies.manifest.calibration
    low, high = calibration.false_alarm_interval()
    say(f"{index.name}: {len(copies)} images embedded")
    say(f"a picture is judged a copy if its similarity is above {calibration.threshold():.4f}")
    say(
        f"so are {100 * calibration.default_rate:.3g} % of unseen images (95 %: {low:.2%} to "
        f"{high:.2%}), by {calibration.count} of {calibration.heldout_name}"
    )
    return 0
