"""`anime-gan copies`: find images that were changed and used again.

Exact SSIM compares pictures place by place: it misses a copy that was mirrored, cut out or
moved. The copy detector is a small network that turns a picture into a vector which such
changes move little.

  train     teach the network: images and their changed copies shall lie together
  export    weights -> ONNX -> parity check -> models/copy_detector
  index     embed all images of an SSIM index, and calibrate on its held-out ones
  find      which image of an index is a picture a copy of?
  evaluate  plant copies and count how many are found, beside SSIM, pHash and others

`anime-gan copies VERB --help` tells more about one; docs/similarity/copies.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from animegan_search.copies import CopyIndexError
from animegan_search.ssim.index import SearchIndexError
from training.cli.copies import evaluate, export, find, index, train
from training.cli.verbs import run_verb
from training.datasets.store import DatasetError
from training.export.parity import ParityError

VERBS = (train, export, index, find, evaluate)
# What a user can mend; FloatingPointError is how a training diverges.
REFUSALS = (
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
    return run_verb("anime-gan copies", __doc__, VERBS, REFUSALS, argv)
