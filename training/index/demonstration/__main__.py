"""`python -m training.index.demonstration VERB`: the demo's index, and the pictures in it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from training.index.demonstration import make
from training.index.demonstration.pictures import draw


def main() -> None:
    """Build the index, or draw its pictures again."""
    parser = argparse.ArgumentParser(prog="python -m training.index.demonstration")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    build = verbs.add_parser("build", help="build FOLDER/indexes/procedural-64-first-1000")
    build.add_argument("folder", type=Path)
    build.set_defaults(run=lambda options: make(options.folder))
    again = verbs.add_parser("draw", help="draw the pictures again: faces.webp and faces.json")
    again.set_defaults(run=lambda _: draw(workers=len(os.sched_getaffinity(0))))
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
