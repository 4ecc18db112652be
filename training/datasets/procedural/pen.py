"""A thin layer over Skia: paths from points, and a pen that fills and strokes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from training.datasets.procedural._skia import skia

Point = tuple[float, float]
Path = Any  # skia.Path
Paint = Any  # an RGB triple or a gradient


def _colour(colour: Sequence[float], alpha: float = 1.0) -> Any:
    red, green, blue = (min(1.0, max(0.0, c)) for c in colour[:3])
    return skia.Color4f(red, green, blue, colour[3] if len(colour) > 3 else alpha)


def extend(path: Path, points: np.ndarray, closed: bool = False) -> None:
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
    extend(path, array, closed)
    if closed:
        path.close()
    return path


def curve(start: Point, *segments: Sequence[Point], closed: bool = False) -> Path:
    """Path of segments: each has 1 point (line), 2 (quadratic Bezier) or 3 (cubic Bezier)."""
    path = skia.Path()
    path.moveTo(*start)
    for points in segments:
        numbers = [number for point in points for number in point]
        (path.lineTo, path.quadTo, path.cubicTo)[len(points) - 1](*numbers)
    if closed:
        path.close()
    return path


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Path:
    """Ellipse about (x, y)."""
    path = skia.Path()
    path.addOval(skia.Rect.MakeLTRB(x - radius_x, y - radius_y, x + radius_x, y + radius_y))
    return path


def rectangle(x: float, y: float, width: float, height: float, radius: float = 0.0) -> Path:
    """Rectangle from its upper left corner, with rounded corners."""
    path = skia.Path()
    path.addRoundRect(skia.Rect.MakeXYWH(x, y, width, height), radius, radius)
    return path


def together(paths: Sequence[Path]) -> Path:
    """One path that covers all of the given ones, for a shadow or a clip of even strength."""
    whole = skia.Path()
    for path in paths:
        whole.addPath(path)
    return whole


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
        """Draw on a skia.Canvas."""
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
