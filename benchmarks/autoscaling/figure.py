"""The replay as a figure: load, queue, replicas."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(rows: Sequence[dict[str, Any]], hurry: float, file: Path) -> None:
    """Draw what was seen at every decision; time is the cluster's."""
    minutes = [row["seconds"] * hurry / 60 for row in rows]
    figure, (load, queue, pods) = plt.subplots(
        3, 1, figsize=(9, 7), sharex=True, constrained_layout=True
    )
    load.step(minutes, [row["rate"] for row in rows], where="pre")
    load.set_ylim(bottom=0)
    load.set_ylabel("requests/s")
    load.set_title("Load: a pod of two instances carries 20 requests a second")
    waits = [1000 * row["queue_s"] if row["queue_s"] is not None else None for row in rows]
    queue.plot(minutes, waits, color="tab:red")
    queue.axhline(20, color="grey", linestyle="--", linewidth=1)
    queue.set_yscale("symlog", linthresh=10)
    queue.yaxis.set_major_formatter(mpl.ticker.ScalarFormatter())
    queue.set_ylim(bottom=0)
    queue.set_ylabel("ms")
    queue.set_title("Queue time of a request, as the autoscaler reads it (dashed: its target)")
    pods.step(minutes, [row["replicas"] for row in rows], where="post", label="wanted")
    pods.step(minutes, [row["ready"] for row in rows], where="pre", linestyle=":", label="ready")
    pods.plot(minutes, [row["busy"] for row in rows], color="tab:green", label="busy instances")
    pods.set_ylim(bottom=0)
    pods.set_ylabel("pods, instances")
    pods.set_xlabel(f"minutes of the cluster (replayed {hurry:g} times faster)")
    pods.set_title("Replicas")
    pods.legend(loc="upper right")
    figure.savefig(file, dpi=110)
    plt.close(figure)
