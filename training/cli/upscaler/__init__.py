"""`anime-gan upscaler`: train the compact network that enlarges faces.

The networks of waifu2x are large because they serve all drawings. The compact network is small
because it serves one kind of picture: it learns to double anime faces alone.

  train     teach the network: small pictures and their truths; resumes
  blend     weights between two: learn new pictures without forgetting the old ones
  export    weights -> one kernel a layer -> ONNX -> parity check -> models/upscale_compact_2x
  native    add what machines with our convolutions load to versions that lack it
  frontier  milliseconds and PSNR of every network in a repository: what does speed cost?

`anime-gan upscaler VERB --help` tells more about one; docs/upscaling/compact.md has the figures.
`anime-gan compare-upscalers` compares all methods.
"""

from __future__ import annotations

from collections.abc import Sequence

from training.cli.upscaler import blend, export, frontier, native, train
from training.cli.verbs import run_verb
from training.datasets.store import DatasetError
from training.export.parity import ParityError

VERBS = (train, blend, export, native, frontier)
# What a user can mend; FloatingPointError is how a training diverges.
REFUSALS = (DatasetError, FloatingPointError, OSError, ParityError, ValueError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    return run_verb("anime-gan upscaler", __doc__, VERBS, REFUSALS, argv)
