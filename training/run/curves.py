"""The curves of a run over the images it has seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from training.run.journal import read_log

# One panel each: title, unit of the y axis, and the records' fields with their legends.
PANELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Losses", "nats", {"loss_d": "discriminator", "loss_g": "generator"}),
    ("Losses", "nats", {"loss_contrast": "contrastive", "loss_entropy": "entropy"}),
    ("Loss", "Charbonnier in levels, then squared", {"loss": "enlarged against truth"}),
    ("PSNR", "dB", {"psnr_training": "pairs of the step", "psnr_heldout": "average, held out"}),
    ("Copies", "share of a batch", {"recognised": "partner is the nearest"}),
    ("Signs of the logits", "mean sign", {"real_sign": "real", "fake_sign": "generated"}),
    ("Gradient penalties", "squared gradient norm", {"r1": "R1, real", "r2": "R2, generated"}),
    ("Throughput", "images / s", {"images_per_s": "training"}),
    ("Augmentation", "probability", {"augment_p": "p of each operation"}),
    ("Path length", "mean length", {"path_length": "running mean"}),
    ("FD of snapshots", "FD, held out", {"fd": "average, untruncated"}),
    ("Coverage of snapshots", "share of held-out images", {"coverage": "average, untruncated"}),
)


def draw_curves(log: Path, out: Path) -> None:
    """Draw the log of a run.

    Args:
        log: JSON lines written by `training.run.journal`.
        out: PNG file to write.
    """
    records = read_log(log)
    told = {name for record in records for name in record}
    panels = [panel for panel in PANELS if told & panel[2].keys()]
    rows = max(1, math.ceil(len(panels) / 2))
    figure, axes = plt.subplots(
        rows, 2, figsize=(11, 3.25 * rows), sharex=True, squeeze=False, layout="constrained"
    )
    for axis, (title, unit, fields) in zip(axes.flat, panels, strict=False):
        draw_panel(axis, records, {name: label for name, label in fields.items() if name in told})
        axis.set_title(title)
        axis.set_ylabel(unit)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("images shown (thousands)")
    figure.savefig(out, dpi=110)
    plt.close(figure)


def draw_panel(axis: Axes, records: Sequence[dict[str, Any]], fields: dict[str, str]) -> None:
    """Draw some fields, and a dashed line where the resolution rises."""
    for field, label in fields.items():
        points = [(record["images"] / 1000, record[field]) for record in records if field in record]
        images, values = zip(*points, strict=True) if points else ((), ())
        axis.plot(images, values, label=label, linewidth=1)
    for before, after in pairwise(records):
        if before["resolution"] != after["resolution"]:
            axis.axvline(before["images"] / 1000, color="grey", linestyle="--", linewidth=0.8)
            axis.annotate(
                f"{after['resolution']} px",
                (before["images"] / 1000, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, -12),
                textcoords="offset points",
                fontsize=8,
            )
    axis.grid(alpha=0.3)
    axis.legend(loc="best", fontsize=8)


def draw_snapshots(curve: Mapping[str, Any], out: Path) -> None:
    """Draw FD and coverage of a run's snapshots with their 95 % intervals and their floors.

    Args:
        curve: as `training.gan.snapshots` keeps it.
        out: PNG file to write.
    """
    rows = curve["snapshots"]
    images = [row["images_seen"] / 1000 for row in rows]
    chosen = next(row for row in rows if row["images_seen"] == curve["best"])
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axis, (name, title) in zip(axes, (("fd", "FD"), ("coverage", "Coverage")), strict=True):
        low, high = ([row[f"{name}_{end}"] for row in rows] for end in ("low", "high"))
        axis.plot(images, [row[name] for row in rows], marker=".", label="snapshots")
        axis.fill_between(images, low, high, alpha=0.2, label="95 % interval")
        axis.axhline(curve["floor"][name], color="grey", linestyle="--", label="real against real")
        axis.plot(chosen["images_seen"] / 1000, chosen[name], "k*", markersize=12, label="best")
        axis.set_title(f"{title}, {curve['count']} images against {curve['dataset']['name']}")
        axis.set_xlabel("images shown (thousands)")
        axis.set_ylabel(f"{title} ({curve['features']})")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(loc="best", fontsize=8)
    since = curve["flat_since"]
    state = f"flat since {since / 1000:,.0f} kimg" if since is not None else "not flat yet"
    figure.suptitle(f"Snapshots of a run: best after {curve['best'] / 1000:,.0f} kimg; {state}")
    figure.savefig(out, dpi=110)
    plt.close(figure)
