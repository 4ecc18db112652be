"""Colours, sizes and manners that the figures share.

The colours are those of a light page; `svg.inline` makes them follow the page's own.
"""

from __future__ import annotations

from typing import Any

import matplotlib

matplotlib.use("Agg")  # an audit needs no screen
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

INK, MUTED, GRID = "#1d2129", "#666e7a", "#d9dde3"
HELDOUT, ORIGINAL, FLAGGED = "#b4bcc8", "#2f6fde", "#d6402b"
SURFACE = "#ffffff"
PALETTE = {
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "heldout": HELDOUT,
    "original": ORIGINAL,
    "flagged": FLAGGED,
    "surface": SURFACE,
}
"""Role of each colour, which is its name in the page's style."""
WIDTH = 9.6  # inches, of every figure
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


def limits_of(*scores: NDArray[np.float64]) -> tuple[float, float]:
    """A range of SSIM that holds all of them, with a margin."""
    low, high = min(one.min() for one in scores), max(one.max() for one in scores)
    margin = 0.06 * (high - low) + 0.005
    return max(-1.0, low - margin), high + margin


def draw_threshold(axis: Axes, threshold: float, horizontal: bool = False) -> None:
    """Draw a dashed line across a panel."""
    line = axis.axhline if horizontal else axis.axvline
    line(threshold, color=FLAGGED, linewidth=1.2, linestyle=(0, (4, 3)))
