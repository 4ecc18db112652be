"""The index of `make demo` where there is no default one: the first faces of the default dataset.

`python -m training.index.demonstration FOLDER` renders them, and some held-out ones for verdicts,
and builds FOLDER/indexes/procedural-64-first-1000, or goes on where it was interrupted. It needs
the dependency groups `renderer` and `ssim` only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from animegan_ssim.definition import UNIFORM7
from training.datasets.rendering import render_dataset
from training.datasets.store import Dataset
from training.index.building import build

NAME = "procedural-64-first-1000"
FACES = 1000  # seeds 0 to 999: a part of what the default generator learnt from
HELDOUT = 200  # so that a false-alarm rate of 0.01 has a threshold
HELDOUT_SEED = 1_000_000  # as in `make dataset`: seeds that no training set has
SIZE = 64


def main() -> int:
    """Build the index; 1 where the drawing library cannot be loaded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    arguments = parser.parse_args()
    try:
        make(arguments.folder, arguments.workers)
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def make(folder: Path, workers: int) -> None:
    """Render the faces and build `folder`/indexes/NAME.

    Raises:
        SkiaUnavailableError: the drawing library cannot be loaded; says what it needs.
    """
    faces, heldout = folder / "faces", folder / "heldout"
    render_dataset(faces, FACES, SIZE, workers=workers, name=NAME)
    render_dataset(heldout, HELDOUT, SIZE, HELDOUT_SEED, workers, name="procedural-64-heldout-200")
    build(folder / "indexes" / NAME, Dataset.open(faces), UNIFORM7, heldout=Dataset.open(heldout))


if __name__ == "__main__":
    sys.exit(main())
