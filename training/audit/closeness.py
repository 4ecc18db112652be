"""The figure that opens a page: each image above the score of its nearest training image."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.audit.album import Album
from training.audit.judged import Audit
from training.audit.swarm import stack
from training.audit.theme import (
    FLAGGED,
    HELDOUT,
    ORIGINAL,
    STYLE,
    WIDTH,
    draw_threshold,
    limits_of,
)

PANEL = 8.9  # inches, width of the panels
FACES, MIN_ROWS = 22, 5  # thumbnails side by side, and the least room above each other
MOST_FACES = 60  # beyond them: a histogram
BINS = 61


def closeness(audit: Audit, album: Album) -> Figure:
    """Every subject at the SSIM of its nearest training image, above those of unseen real images.

    Args:
        audit: what was found.
        album: their pictures; used up to `MOST_FACES`.
    """
    best = audit.nearest[:, 0]
    limits = limits_of(best, audit.calibration.maxima)
    with plt.rc_context(STYLE):
        if len(album.subjects) == audit.count <= MOST_FACES:
            rows = stack(best, (limits[1] - limits[0]) / FACES)
            tall = max(MIN_ROWS, max(rows) + 1.5)
            figure, top, below = _two_panels(tall * PANEL / FACES)
            _draw_faces(top, audit, album, rows, (limits[1] - limits[0]) / FACES)
            top.set(ylim=(0, tall), yticks=[])
        else:
            figure, top, below = _two_panels(2.4)
            _draw_counts(top, audit, limits)
        _draw_heldout(below, audit, limits)
        below.set_xlim(limits)
        top.tick_params(labelbottom=False)
        for axis in (top, below):
            draw_threshold(axis, audit.threshold)
        _name_threshold(top, audit.threshold, limits)
        below.set_xlabel("SSIM of the nearest training image")
    return figure


def _two_panels(tall: float) -> tuple[Figure, Axes, Axes]:
    """A panel of so many inches, and a small one below it with the same x axis."""
    low, gap, margin, high = 0.9, 0.45, 0.5, tall + 2.2
    figure = plt.figure(figsize=(WIDTH, high))
    left, width = 1 - (PANEL + 0.1) / WIDTH, PANEL / WIDTH
    below = figure.add_axes((left, margin / high, width, low / high))
    bottom = (margin + low + gap) / high
    return figure, figure.add_axes((left, bottom, width, tall / high), sharex=below), below


def _draw_faces(axis: Axes, audit: Audit, album: Album, rows: list[int], wide: float) -> None:
    """Thumbnails, each at its score, stacked where they would overlap."""
    best = audit.nearest[:, 0]
    for place, row in enumerate(rows):
        left, picture = best[place] - wide / 2, album.subjects[place]
        shown = axis.imshow(
            np.broadcast_to(picture, (*picture.shape[:2], 3)),
            extent=(left, left + wide, row, row + 1),
            interpolation="none",
            aspect="auto",
            zorder=2,
        )
        shown.set_url(f"#image-{place}")
        if audit.judged[place].suspect:
            box = Rectangle((left, row), wide, 1, fill=False, edgecolor=FLAGGED, linewidth=2.5)
            axis.add_patch(box).set_zorder(3)
    axis.set_title("audited images, each above its nearest training image's score")
    axis.spines["left"].set_visible(False)


def _draw_counts(axis: Axes, audit: Audit, limits: tuple[float, float]) -> None:
    """A histogram, where there are too many faces to show."""
    axis.hist(audit.nearest[:, 0], np.linspace(*limits, BINS).tolist(), color=ORIGINAL)
    axis.set_title("audited images")
    axis.set_ylabel("images")
    axis.grid(axis="y")


def _draw_heldout(axis: Axes, audit: Audit, limits: tuple[float, float]) -> None:
    count = audit.calibration.count
    axis.hist(audit.calibration.maxima, np.linspace(*limits, BINS).tolist(), color=HELDOUT)
    axis.set_title(f"the same of {count:,} real images that are not in the index")
    axis.set_ylabel("images")
    axis.grid(axis="y")


def _name_threshold(axis: Axes, threshold: float, limits: tuple[float, float]) -> None:
    """Write beside the line what it is, on the side where there is room."""
    crowded = threshold > limits[0] + 0.8 * (limits[1] - limits[0])
    axis.annotate(
        f"threshold {threshold:.3f}",
        (threshold, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if crowded else 5, 0),
        textcoords="offset points",
        ha="right" if crowded else "left",
        va="top",
        color=FLAGGED,
    )
