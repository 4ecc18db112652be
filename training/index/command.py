"""`anime-gan index`: make, change, calibrate, verify and list indexes for exact search by SSIM.

anime-gan index build --dataset data/train --heldout data/heldout
anime-gan index list
anime-gan index append .local/indexes/train --dataset data/more
anime-gan index remove .local/indexes/train --ids 17 4711
anime-gan index calibrate .local/indexes/train
anime-gan index verify .local/indexes/train
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from animegan_ssim.index import SearchIndexError
from training.datasets.store import DatasetError
from training.index.commands import append, build, calibrate, listing, remove, verify

VERBS = (build, append, remove, calibrate, verify, listing)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (SearchIndexError, DatasetError, ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"anime-gan index: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command goes on where this one stopped\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anime-gan index",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
