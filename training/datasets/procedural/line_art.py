"""Faces as ink drawings: the outlines of the procedural faces, black on white.

Enlarging is hardest where thin lines lie on plain paper. These pictures have the faces' licence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.datasets.procedural.attributes import sample
from training.datasets.procedural.face import rasterise
from training.datasets.procedural.palette import RGB
from training.datasets.procedural.pen import Paint, Path, Pen

INK: RGB = (0.06, 0.06, 0.08)
PAPER: RGB = (1.0, 1.0, 1.0)
# Fills as dark as lashes and pupils are inked, lighter ones are left to the paper.
DARK = 0.30
# Weaker strokes and fills are shades: neither outlines nor things.
FAINTEST_LINE = 0.5
FAINTEST_FILL = 0.8


def render(seed: int, size: int) -> np.ndarray:
    """Draw the face of a seed in ink.

    Args:
        seed: Within [0, 2**64). The same seed and size give the same bytes.
        size: Width and height in pixels, one of `geometry.SIZES`.

    Returns:
        uint8 [size, size, 3], RGB with three nearly equal channels.

    Raises:
        ValueError: the size or the seed is not allowed.
    """
    return rasterise(InkPen, seed, size, sample(seed))


class InkPen(Pen):
    """Strokes outlines in ink; fills hide with paper what lies behind them."""

    def fill(self, path: Path, paint: Paint, alpha: float = 1.0, blur: float = 0.0) -> None:
        """Cover a path with paper, or with ink where the paint is dark; leave out shades."""
        if alpha < FAINTEST_FILL or blur or not _opaque(paint):
            return
        super().fill(path, INK if _dark(paint) else PAPER)

    def line(
        self, path: Path, paint: Paint, width: float, alpha: float = 1.0, blur: float = 0.0
    ) -> None:
        """Stroke a path in ink; leave out faint and soft lines."""
        if alpha >= FAINTEST_LINE and not blur:
            super().line(path, INK, width)


def _opaque(paint: Paint) -> bool:
    if isinstance(paint, tuple):
        return len(paint) < 4 or paint[3] == 1.0
    return bool(paint.isOpaque())


def _dark(paint: Paint) -> bool:
    return isinstance(paint, tuple) and _luminance(paint) < DARK


def _luminance(colour: Sequence[float]) -> float:
    """Rec. 601, of values in [0, 1]."""
    red, green, blue = colour[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue
