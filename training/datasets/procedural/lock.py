"""A lock of hair: the one shape of which all hair is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from training.datasets.procedural._skia import skia
from training.datasets.procedural.pen import Path, Point, extend


@dataclass(frozen=True, slots=True)
class Lock:
    """A tapering lock of hair along a cubic Bezier curve from root to tip."""

    root: Point
    leave: Point
    arrive: Point
    tip: Point
    width: float
    """Half the width where it is widest."""
    root_width: float = 0.45
    """Half the width at the root, as a fraction of `width`."""
    peak: float = 0.5
    """Where along the lock it is widest, in (0, 1)."""
    fullness: float = 1.7
    """How long it keeps its width: 1 tapers evenly, 3 ends bluntly."""
    wave: float = 0.0
    """Sideways swing."""
    waves: float = 1.5
    """Number of swings."""

    def outline(self, samples: int = 8) -> Path:
        """Closed path, always wound the same way, so that overlapping locks join."""
        t, position, velocity = _bernstein(samples + (6 if self.wave else 0))
        points = np.array([self.root, self.leave, self.arrive, self.tip], dtype=np.float64)
        middle, along = position @ points, velocity @ points
        if self.wave:
            turn = 2 * math.pi * self.waves
            middle[:, 0] += self.wave * np.sin(turn * t) * np.minimum(1, 2 * t)
            along[:, 0] += self.wave * turn * np.cos(turn * t) * np.minimum(1, 2 * t)
        half = self.width * _profile(t, self.root_width, self.peak, self.fullness)
        half /= np.maximum(1e-6, np.hypot(along[:, 0], along[:, 1]))
        offset = along[:, ::-1] * np.array([-1.0, 1.0]) * half[:, None]
        path = skia.Path()
        path.moveTo(*(middle[0] + offset[0]).tolist())
        extend(path, middle + offset)
        extend(path, (middle - offset)[::-1])
        path.close()
        return path

    def part(self, start: float, end: float, **changes: Any) -> Lock:
        """The same curve from `start` to `end`, both in [0, 1], other fields replaced."""
        points = np.array([self.root, self.leave, self.arrive, self.tip], dtype=np.float64)
        blossom = [
            _polar(points, start, start, start),
            _polar(points, start, start, end),
            _polar(points, start, end, end),
            _polar(points, end, end, end),
        ]
        root, leave, arrive, tip = ((float(x), float(y)) for x, y in blossom)
        return replace(self, root=root, leave=leave, arrive=arrive, tip=tip, **changes)

    def moved(self, dx_root: float, dx_tip: float, **changes: Any) -> Lock:
        """A neighbouring lock: the root and the tip moved sideways, other fields replaced."""

        def at(point: Point, share: float) -> Point:
            return point[0] + dx_root + (dx_tip - dx_root) * share, point[1]

        return replace(
            self,
            root=at(self.root, 0.0),
            leave=at(self.leave, 0.33),
            arrive=at(self.arrive, 0.67),
            **({"tip": at(self.tip, 1.0)} | changes),
        )


@cache
def _bernstein(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters t [N] and the weights [N, 4] of a cubic Bezier's position and velocity there."""
    t = np.linspace(0.0, 1.0, samples)
    s = 1.0 - t
    position = np.stack([s**3, 3 * s * s * t, 3 * s * t * t, t**3], axis=1)
    first, second, third = 3 * s * s, 6 * s * t, 3 * t * t
    velocity = np.stack([-first, first - second, second - third, third], axis=1)
    return t, position, velocity


def _profile(t: np.ndarray, root_width: float, peak: float, fullness: float) -> np.ndarray:
    """Width along a lock: rises from the root to 1 at the peak, falls to 0 at the tip."""
    rise = root_width + (1 - root_width) * np.sin(0.5 * math.pi * np.minimum(1.0, t / peak))
    return rise * (1.0 - (np.maximum(0.0, t - peak) / (1.0 - peak)) ** fullness)


def _polar(points: np.ndarray, first: float, second: float, third: float) -> np.ndarray:
    """De Casteljau's algorithm with a parameter of its own at each of the three steps."""
    for t in (first, second, third):
        points = points[:-1] + (points[1:] - points[:-1]) * t
    corner: np.ndarray = points[0]
    return corner
