"""The curves of a run over the images it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from training.report import read_log

# One panel each: title, unit of the y axis, and the records' fields with their legends.
PANELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Losses", "nats", {"loss_d": "discriminator", "loss_g": "generator"}),
    ("Signs of the logits", "mean sign", {"real_sign": "real", "fake_sign": "generated"}),
    ("R1 penalty", "squared gradient norm", {"r1": "R1"}),
    ("Throughput", "images / s", {"images_per_s": "training"}),
)


def draw_curves(log: Path, out: Path) -> None:
    """Draw the log of a run.

    Args:
        log: JSON lines written by `training.train`.
        out: PNG file to write.
    """
    records = read_log(log)
    figure, axes = plt.subplots(2, 2, figsize=(11, 6.5), sharex=True, layout="constrained")
    for axis, (title, unit, fields) in zip(axes.flat, PANELS, strict=True):
        draw_panel(axis, records, fields)
        axis.set_title(title)
        axis.set_ylabel(unit)
    for axis in axes[1]:
        axis.set_xlabel("real images shown (thousands)")
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
    axis.legend(loc="lower right", fontsize=8)
