"""The other figures of an audit, drawn by matplotlib."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from training.audit.judged import Audit
from training.audit.theme import (
    FLAGGED,
    HELDOUT,
    INK,
    ORIGINAL,
    STYLE,
    WIDTH,
    draw_threshold,
    limits_of,
)

MOST_CURVES = 200  # of more images an even choice is drawn, and the closest ones
ORDINALS = ("nearest", "second nearest", "third nearest", "fourth nearest")


def neighbours(audit: Audit) -> Figure:
    """Histograms of the scores of the nearest to the fourth nearest training image."""
    shown = audit.nearest.shape[1]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1,
            shown,
            figsize=(WIDTH, 2.6),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        bins = np.linspace(*limits_of(audit.nearest, audit.calibration.maxima), 26).tolist()
        heldout = audit.calibration.maxima
        weights = np.full(len(heldout), audit.count / len(heldout))
        axes[0, 0].hist(heldout, bins, weights=weights, color=HELDOUT)
        for place, axis in enumerate(axes[0]):
            scores = audit.nearest[:, place]
            axis.hist(scores, bins, color=ORIGINAL, alpha=0.8)
            draw_threshold(axis, audit.threshold)
            axis.axvline(np.median(scores), color=INK, linewidth=1)
            axis.set_title(f"{ORDINALS[place]}\nmedian {np.median(scores):.3f}")
            axis.grid(axis="y")
            axis.set_xlabel("SSIM")
        figure.axes[0].set_ylabel("images")
        figure.axes[0].locator_params("y", integer=True)
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
            draw_threshold(one, audit.threshold, horizontal=True)
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
        draw_threshold(axis, audit.false_alarm_rate)
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


def _draw_sideways(axis: Axes, audit: Audit) -> None:
    """Held-out images' best scores along the curves' axis, growing to the left."""
    axis.hist(audit.calibration.maxima, 40, orientation="horizontal", color=HELDOUT)
    axis.invert_xaxis()
    axis.set_xticks([])
    axis.spines["bottom"].set_visible(False)
    axis.set_title("unseen real\nimages: nearest")
    axis.set_ylabel("SSIM")
    axis.grid(axis="y")
