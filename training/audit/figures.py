"""The figures of an audit, drawn by matplotlib.

Their colours are those of a light page; `svg.inline` makes them follow the page's own.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")  # an audit needs no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from training.audit.album import Album
from training.audit.judged import Audit
from training.audit.swarm import stack

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
WIDTH, PANEL = 9.6, 8.9  # inches: of every figure, and of a panel as wide as possible
FACES, MIN_ROWS = 22, 5  # thumbnails side by side, and the least room above each other
MOST_FACES, MOST_CURVES = 60, 200  # beyond them: a histogram, and an even choice
ORDINALS = ("nearest", "second nearest", "third nearest", "fourth nearest")
STYLE = {
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


def closeness(audit: Audit, album: Album) -> Figure:
    """Every subject at the SSIM of its nearest training image, above those of unseen real images.

    Args:
        audit: what was found.
        album: their pictures; used up to `MOST_FACES`.
    """
    best = audit.nearest[:, 0]
    limits = _limits(best, audit.calibration.maxima)
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
            _draw_threshold(axis, audit.threshold)
        crowded = audit.threshold > limits[0] + 0.8 * (limits[1] - limits[0])
        top.annotate(
            f"threshold {audit.threshold:.3f}",
            (audit.threshold, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-5 if crowded else 5, 0),
            textcoords="offset points",
            ha="right" if crowded else "left",
            va="top",
            color=FLAGGED,
        )
        below.set_xlabel("SSIM of the nearest training image")
    return figure


def neighbours(audit: Audit) -> Figure:
    """Histograms of the scores of the nearest to the fourth nearest training image."""
    shown = audit.nearest.shape[1]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, shown, figsize=(WIDTH, 2.6), sharex=True, sharey=True, layout="constrained"
        )
        bins = np.linspace(*_limits(audit.nearest, audit.calibration.maxima), 26)
        heldout = audit.calibration.maxima
        weights = np.full(len(heldout), audit.count / len(heldout))
        np.atleast_1d(axes)[0].hist(heldout, bins, weights=weights, color=HELDOUT)
        for place, axis in enumerate(np.atleast_1d(axes)):
            scores = audit.nearest[:, place]
            axis.hist(scores, bins, color=ORIGINAL, alpha=0.8)
            _draw_threshold(axis, audit.threshold)
            axis.axvline(np.median(scores), color=INK, linewidth=1)
            axis.set_title(f"{ORDINALS[place]}\nmedian {np.median(scores):.3f}")
            axis.grid(axis="y")
            axis.set_xlabel("SSIM")
        figure.axes[0].set_ylabel("images")
        figure.axes[0].yaxis.get_major_locator().set_params(integer=True)
    return figure


def curves(audit: Audit) -> Figure:
    """SSIM to every training image in descending order, and beside it the held-out images' best."""
    with plt.rc_context(STYLE):
        figure, (side, axis) = plt.subplots(
            1, 2, figsize=(WIDTH, 4.4), width_ratios=(1, 6), sharey=True, layout="constrained"
        )
        some = {*_spread(audit.count), *audit.closest_first[: MOST_CURVES // 4]}
        faint = float(np.clip(12 / len(some), 0.12, 0.6))
        for place in sorted(some):
            original = audit.judged[place].verdict.original
            axis.plot(
                audit.ranks,
                audit.curves[place],
                color=ORIGINAL if original else FLAGGED,
                linewidth=0.9 if original else 1.6,
                alpha=faint if original else 1,
                zorder=2 if original else 3,
            )
        axis.plot(
            audit.ranks,
            audit.mean_curve,
            color=INK,
            linewidth=2.2,
            zorder=4,
            label="mean of all images",
        )
        axis.plot([], [], color=ORIGINAL, linewidth=1, label="an image judged original")
        if audit.flagged:
            axis.plot([], [], color=FLAGGED, linewidth=1.6, label="an image that is flagged")
        axis.set_xscale("log")
        axis.set_xlim(1, audit.ranks[-1])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:,.0f}"))
        axis.set_xlabel("rank of the training image, most similar first (logarithmic)")
        axis.grid()
        axis.legend(loc="lower left")
        _draw_sideways(side, audit)
        for one in (side, axis):
            one.axhline(audit.threshold, color=FLAGGED, linewidth=1.2, linestyle=(0, (4, 3)))
    return figure


def p_values(audit: Audit) -> Figure:
    """Share of subjects below each p-value; the diagonal is that of unseen real images."""
    some = _spread(audit.count)
    values = np.sort([one.verdict.p_value for one in audit.judged])[some]
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(WIDTH / 2, 3.6), layout="constrained")
        axis.plot([0, 1], [0, 1], color=HELDOUT, linewidth=2, label="unseen real images (mean)")
        share = (np.array([-1, *some]) + 1) / audit.count
        axis.step([0, *values], share, where="post", color=ORIGINAL, linewidth=2, label="audited")
        axis.axvline(audit.false_alarm_rate, color=FLAGGED, linewidth=1.2, linestyle=(0, (4, 3)))
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="p-value", ylabel="share of images up to it")
        axis.grid()
        axis.legend(loc="upper left")
    return figure


def _spread(count: int) -> list[int]:
    """At most `MOST_CURVES` of so many places, from the first to the last."""
    chosen: list[int] = (
        np.linspace(0, count - 1, min(count, MOST_CURVES)).round().astype(int).tolist()
    )
    return chosen


def _limits(*scores: NDArray[np.float64]) -> tuple[float, float]:
    """A range of SSIM that holds all of them, with a margin."""
    low, high = min(one.min() for one in scores), max(one.max() for one in scores)
    margin = 0.06 * (high - low) + 0.005
    return max(-1.0, low - margin), high + margin


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
        if not audit.judged[place].verdict.original:
            box = Rectangle((left, row), wide, 1, fill=False, edgecolor=FLAGGED, linewidth=2.5)
            axis.add_patch(box).set_zorder(3)
    axis.set_title("audited images, each above its nearest training image's score")
    axis.spines["left"].set_visible(False)


def _draw_counts(axis: Axes, audit: Audit, limits: tuple[float, float]) -> None:
    """A histogram, where there are too many faces to show."""
    axis.hist(audit.nearest[:, 0], np.linspace(*limits, 61), color=ORIGINAL)
    axis.set_title("audited images")
    axis.set_ylabel("images")
    axis.grid(axis="y")


def _draw_heldout(axis: Axes, audit: Audit, limits: tuple[float, float]) -> None:
    count = audit.calibration.count
    axis.hist(audit.calibration.maxima, np.linspace(*limits, 61), color=HELDOUT)
    axis.set_title(f"the same of {count:,} real images that are not in the index")
    axis.set_ylabel("images")
    axis.grid(axis="y")


def _draw_sideways(axis: Axes, audit: Audit) -> None:
    """Held-out images' best scores along the curves' axis, growing to the left."""
    axis.hist(audit.calibration.maxima, 40, orientation="horizontal", color=HELDOUT)
    axis.invert_xaxis()
    axis.set_xticks([])
    axis.spines["bottom"].set_visible(False)
    axis.set_title("unseen real\nimages: nearest")
    axis.set_ylabel("SSIM")
    axis.grid(axis="y")


def _draw_threshold(axis: Axes, threshold: float) -> None:
    axis.axvline(threshold, color=FLAGGED, linewidth=1.2, linestyle=(0, (4, 3)))
