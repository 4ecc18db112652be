"""What speed costs: processor time against PSNR for every network that doubles pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a training machine has no screen
import matplotlib.pyplot as plt
import numpy as np

from animegan_cli.progress import ProgressBar
from training.markdown import table
from training.upscaling.methods import Method
from training.upscaling.quality import Picture, downscale, mean_score, psnr

FILTER = "lanczos"
ROUNDS = {64: 30, 256: 6}  # side of the small picture in pixels -> how often it is enlarged


@dataclass(frozen=True)
class Point:
    """One network.

    Attributes:
        method: its name.
        milliseconds: side of the small picture -> processor time.
        psnr_db: kind of pictures -> mean.
    """

    method: str
    milliseconds: dict[int, float]
    psnr_db: dict[str, float]


def measure(methods: Sequence[Method], pictures: Mapping[str, Sequence[Picture]]) -> list[Point]:
    """Measure all networks, the slowest first.

    Args:
        methods: networks, on one thread each.
        pictures: by kind, uint8 [H, W, 3] of even sides.
    """
    times = {side: _milliseconds(methods, side, rounds) for side, rounds in ROUNDS.items()}
    points = [
        Point(
            method.name,
            {side: times[side][method.name] for side in ROUNDS},
            {kind: _psnr(method, every) for kind, every in pictures.items()},
        )
        for method in ProgressBar(methods, desc="PSNR", unit="network")
    ]
    return sorted(points, key=lambda point: -point.milliseconds[256])


def _milliseconds(methods: Sequence[Method], side: int, rounds: int) -> dict[str, float]:
    """The least processor time of all rounds; methods take turns, so that slow moments of the
    machine strike all of them, and what others do on it is not counted.
    """
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    best = {method.name: np.inf for method in methods}
    for _ in ProgressBar(range(rounds), desc=f"speed at {side} px", unit="round"):
        for method in methods:
            begin = time.process_time()
            method.enlarge(picture)
            best[method.name] = min(best[method.name], time.process_time() - begin)
    return {name: 1000 * float(seconds) for name, seconds in best.items()}


def _psnr(method: Method, pictures: Sequence[Picture]) -> float:
    values = [psnr(method.enlarge(downscale(each, FILTER)), each) for each in pictures]
    return mean_score(values).value


def to_json(points: Sequence[Point]) -> list[dict[str, Any]]:
    """The points as plain values."""
    return [asdict(point) for point in points]


def to_markdown(points: Sequence[Point]) -> str:
    """A row a network."""
    sides, kinds = points[0].milliseconds, points[0].psnr_db
    columns = [*(f"ms, {side} px" for side in sides), *(f"dB, {kind}" for kind in kinds)]
    rows = [
        (
            point.method,
            [
                *(f"{value:.1f}" for value in point.milliseconds.values()),
                *(f"{value:.2f}" for value in point.psnr_db.values()),
            ],
        )
        for point in points
    ]
    return table("network", columns, rows)


def draw(points: Sequence[Point], out: Path) -> None:
    """A panel a kind of pictures: PSNR over the time for 256 x 256 pixels, PNG."""
    kinds = list(points[0].psnr_db)
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(4.6 * len(kinds), 4.2), squeeze=False, layout="constrained"
    )
    for axis, kind in zip(axes[0], kinds, strict=True):
        for point in points:
            place = (point.milliseconds[256], point.psnr_db[kind])
            axis.scatter(*place, color="tab:orange" if "compact" in point.method else "tab:blue")
            axis.annotate(point.method, place, xytext=(4, 4), textcoords="offset points", size=8)
        axis.set(xscale="log", title=kind, xlabel="ms for 256x256 -> 512x512, one thread")
        axis.set_ylabel("PSNR in dB")
        axis.margins(x=0.25, y=0.1)
        axis.grid(alpha=0.3)
    figure.savefig(out, dpi=110)
    plt.close(figure)
