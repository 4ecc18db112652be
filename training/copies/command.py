"""`anime-gan copies`: find images that were changed and used again.

Exact SSIM compares pictures place by place: it misses a copy that was mirrored, cut out, moved or
recoloured. The copy detector is a small network that turns a picture into a vector which such
changes move little.

  train     teach the network: images and their changed copies shall lie together
  export    weights -> ONNX -> parity check -> models/copy_detector
  index     embed all images of an SSIM index, and calibrate on its held-out ones
  find      which image of an index is a picture a copy of?
  evaluate  plant copies and count how many are found, beside SSIM, pHash and others

`anime-gan copies VERB --help` tells more about one; docs/similarity/copies.md has the figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from animegan_copies import CopyIndexError
from animegan_ssim.index import SearchIndexError
from training.copies.commands import evaluate, export, find, index, train
from training.datasets.store import DatasetError
from training.export.parity import ParityError

VERBS = (train, export, index, find, evaluate)
# What a user can mend; FloatingPointError is how a training diverges.
TROUBLES = (
    CopyIndexError,
    DatasetError,
    FloatingPointError,
    OSError,
    ParityError,
    SearchIndexError,
    ValueError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except TROUBLES as error:
        sys.stderr.write(f"anime-gan copies: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anime-gan copies",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
