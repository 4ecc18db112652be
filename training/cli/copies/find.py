"""`anime-gan copies find`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from animegan_cli.console import say
from animegan_search.copies import CopyIndex
from training.cli.arguments import HelpFormatter, Verbs, positive, share
from training.copies.embedding import Embedder

EPILOG = """\
example:
  anime-gan copies find --index .local/indexes/procedural-64 suspicious.png

A p-value is the share of unseen images that come as near. A copy of an image that the index does
not hold, or one changed beyond recognition, is not found: docs/similarity/copies.md has the odds.
"""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "find",
        help="which image of an index is a picture a copy of?",
        description="Look for the originals of pictures, and judge whether they are copies.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("pictures", type=Path, nargs="+", metavar="PICTURE", help="of any common format")
    option("--index", type=Path, required=True, help="SSIM index that `copies index` has embedded")
    option("--models", type=Path, default=Path("models"), help="repository of the detector")
    option("--k", type=positive, default=4, help="nearest images to list")
    option("--false-alarms", type=share, metavar="RATE", help="of the verdict (0.01, or the least)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    index = CopyIndex.open(arguments.index)
    embedder = Embedder(arguments.models)
    if embedder.detector != index.manifest.detector:
        raise ValueError(
            f"{arguments.index} was embedded by another version of the detector: run `anime-gan "
            "copies index` again"
        )
    images = np.stack([_read(path, embedder.side) for path in arguments.pictures])
    found = index.search(embedder(images), arguments.k, arguments.false_alarms)
    for path, copies in zip(arguments.pictures, found, strict=True):
        verdict = f"a copy of image {copies.ids[0]}" if copies.copied else "no copy found"
        nearest = ", ".join(
            f"{number} ({cosine:.3f})"
            for number, cosine in zip(copies.ids, copies.similarity, strict=True)
        )
        say(f"{path}: {verdict}, p = {copies.p_value:.4f}; nearest: {nearest}")
    return 0


def _read(path: Path, side: int) -> np.ndarray:
    """A picture at the detector's size, uint8 [side, side, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))
