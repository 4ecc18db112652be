"""`anime-gan index`: make, change, calibrate, verify and list indexes for exact search by SSIM.

anime-gan index build --dataset data/train --heldout data/heldout
anime-gan index list
anime-gan index append .local/indexes/train --dataset data/more
anime-gan index remove .local/indexes/train --ids 17 4711
anime-gan index calibrate .local/indexes/train
anime-gan index verify .local/indexes/train
anime-gan index export-scan .local/indexes/train --models out/models
"""

from __future__ import annotations

from collections.abc import Sequence

from animegan_search.ssim.index import SearchIndexError
from training.cli.index import append, build, calibrate, export_scan, listing, remove, verify
from training.cli.verbs import run_verb
from training.datasets.store import DatasetError

VERBS = (build, append, remove, calibrate, verify, listing, export_scan)
REFUSALS = (SearchIndexError, DatasetError, ImportError, OSError, ValueError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    return run_verb("anime-gan index", __doc__, VERBS, REFUSALS, argv)
