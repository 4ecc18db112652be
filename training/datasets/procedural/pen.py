"""A thin layer over Skia: paths from points, and a pen that fills and strokes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from training.datasets.procedural._skia import skia

Point = tuple[float, float]
Path = Any  # skia.Path
Paint = Any  # an RGB triple or a gradient


def _colour(colour: Sequence[float], alpha: float = 1.0) -> Any:
    red, green, blue = (min(1.0, max(0.0, c)) for c in colour[:3])
    return skia.Color4f(red, green, blue, colour[3] if len(colour) > 3 else alpha)


def _extend(path: Path, points: np.ndarray, closed: bool = False) -> None:
    """Append a Catmull-Rom spline through points [N, 2], from where the path stands."""
    if closed:
        around = np.concatenate([points[-1:], points, points[:2]])
    else:
        around = np.concatenate([points[:1], points, points[-1:]])
    here, there = around[1:-2], around[2:-1]
    first = here + (there - around[:-3]) / 6.0
    second = there - (around[3:] - here) / 6.0
    for row in np.concatenate([first, second, there], axis=1).tolist():
        path.cubicTo(*row)


def spline(points: Sequence[Point], closed: bool = False) -> Path:
    """Smooth curve through every point."""
    array = np.asarray(points, dtype=np.float64)
    path = skia.Path()
    path.moveTo(*array[0].tolist())
    _extend(path, array, closed)
    if closed:
        path.close()
    return path


def curve(start: Point, *segments: Sequence[Point], closed: bool = False) -> Path:
    """Path of segments of 1 point (line), 2 (quadratic) or 3 (cubic Bezier), each ending a piece."""
    path = skia.Path()
    path.moveTo(*start)
    for points in segments:
        numbers = [number for point in points for number in point]
        (path.lineTo, path.quadTo, path.cubicTo)[len(points) - 1](*numbers)
    if closed:
        path.close()
    return path


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Path:
    path = skia.Path()
    path.addOval(skia.Rect.MakeLTRB(x - radius_x, y - radius_y, x + radius_x, y + radius_y))
    return path


def rectangle(x: float, y: float, width: float, height: float, radius: float = 0.0) -> Path:
    path = skia.Path()
    path.addRoundRect(skia.Rect.MakeXYWH(x, y, width, height), radius, radius)
    return path


def together(paths: Sequence[Path]) -> Path:
    """One path that covers all of the given ones, for a shadow or a clip of even strength."""
    whole = skia.Path()
    for path in paths:
        whole.addPath(path)
    return whole


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
        _extend(path, middle + offset)
        _extend(path, (middle - offset)[::-1])
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
    return points[0]


def linear(
    start: Point,
    end: Point,
    colours: Sequence[Sequence[float]],
    stops: Sequence[float] | None = None,
) -> Any:
    """Linear gradient; colours are RGB or RGBA."""
    points = [skia.Point(*start), skia.Point(*end)]
    steps = list(stops) if stops else _even(len(colours))
    return skia.GradientShader.MakeLinear(points, [_colour(c).toColor() for c in colours], steps)


def radial(centre: Point, radius: float, colours: Sequence[Sequence[float]]) -> Any:
    """Radial gradient with even stops; colours are RGB or RGBA."""
    steps = _even(len(colours))
    tints = [_colour(c).toColor() for c in colours]
    return skia.GradientShader.MakeRadial(skia.Point(*centre), radius, tints, steps)


def _even(count: int) -> list[float]:
    return [index / (count - 1) for index in range(count)]


class Pen:
    """Fills and strokes paths on one canvas."""

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas

    def fill(self, path: Path, paint: Paint, alpha: float = 1.0, blur: float = 0.0) -> None:
        """Fill a path with a colour or a gradient; blur is a standard deviation in units."""
        self._canvas.drawPath(path, self._paint(paint, alpha, blur))

    def line(
        self, path: Path, paint: Paint, width: float, alpha: float = 1.0, blur: float = 0.0
    ) -> None:
        """Stroke a path with round caps and joins."""
        brush = self._paint(paint, alpha, blur)
        brush.setStyle(skia.Paint.kStroke_Style)
        brush.setStrokeWidth(width)
        brush.setStrokeCap(skia.Paint.kRound_Cap)
        brush.setStrokeJoin(skia.Paint.kRound_Join)
        self._canvas.drawPath(path, brush)

    @staticmethod
    def _paint(paint: Paint, alpha: float, blur: float) -> Any:
        brush = skia.Paint(AntiAlias=True)
        if isinstance(paint, tuple):
            brush.setColor4f(_colour(paint, alpha))
        else:
            brush.setShader(paint)
            brush.setAlphaf(alpha)
        if blur:
            brush.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
        return brush

    @contextmanager
    def clipped(self, path: Path) -> Iterator[None]:
        """Draw only within a path."""
        self._canvas.save()
        self._canvas.clipPath(path, skia.ClipOp.kIntersect, True)
        yield
        self._canvas.restore()

    @contextmanager
    def moved(
        self, x: float, y: float, degrees: float = 0.0, scale: tuple[float, float] = (1.0, 1.0)
    ) -> Iterator[None]:
        """Draw in coordinates that are scaled, then turned clockwise, then moved to (x, y)."""
        self._canvas.save()
        self._canvas.translate(x, y)
        self._canvas.rotate(degrees)
        self._canvas.scale(*scale)
        yield
        self._canvas.restore()
