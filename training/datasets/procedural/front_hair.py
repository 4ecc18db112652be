"""Draws the hair before the face.

The fringe is a set of tapering locks that spring from the crown. Lock and cap share one gradient
and the locks' outlines fade towards their roots, so that they grow out of the cap without a seam.
"""

from __future__ import annotations

import numpy as np

from training.datasets.procedural.front_shapes import FrontHair, Shine
from training.datasets.procedural.lock import Lock
from training.datasets.procedural.palette import RGB, mix
from training.datasets.procedural.pen import (
    Paint,
    Path,
    Pen,
    Point,
    ellipse,
    linear,
    radial,
    together,
)
from training.datasets.procedural.scene import Scene


def draw_shadow(scene: Scene, hair: FrontHair, face: Path) -> None:
    """Shadow of the hair on the skin."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    colour = mix(p.skin_shade, p.skin_deep, 0.45)
    paths = [path for _, path in hair.fringe + hair.sides] + [hair.cap]
    with pen.clipped(face), pen.moved(-4.0 * g.light_side, 11):
        pen.fill(together(paths), colour, 0.72, blur=2.0)


def draw_sides(scene: Scene, hair: FrontHair) -> None:
    """Locks beside the face."""
    g = scene.geometry
    _draw_locks(scene, hair.sides, fade=(-0.80 * g.half_width, -0.25 * g.half_width))


def draw_top(scene: Scene, hair: FrontHair) -> None:
    """Cap, fringe and shine."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    for stray in hair.strays:
        pen.line(stray, p.hair_line, 1.6 * g.line)
        pen.fill(stray, p.hair)
    pen.line(hair.cap, p.hair_line, 1.7 * g.line)
    pen.fill(hair.cap, _shade(scene))
    fade = (0.74 * g.hair_top, -0.42 * g.half_width)
    _draw_locks(scene, hair.fringe, fade, hair.shine)
    _strands(scene, hair)
    _gloss(scene, hair)


def _shade(scene: Scene, lower: float = 0.0) -> Paint:
    """The common gradient of cap and locks; `lower` in [0, 1] deepens the tips."""
    g, p = scene.geometry, scene.palette
    ends = mix(p.hair_tips, p.hair_deep, 0.25 * lower)
    if not scene.attributes.hair_gradient:
        ends = mix(p.hair, ends, 0.55 + 0.45 * lower)
    stops = [0.0, 0.30, 0.55, 1.0]
    tones = [mix(p.hair, p.hair_shade, 0.35), p.hair, mix(p.hair, ends, 0.25), ends]
    return linear((0, g.hair_top), (0, 200), tones, stops)


def _draw_locks(
    scene: Scene,
    locks: list[tuple[Lock, Path]],
    fade: tuple[float, float],
    shine: Shine | None = None,
) -> None:
    """Fill each lock and line it; lines fade in between two heights."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    plain, deep = _shade(scene), _shade(scene, lower=1.0)
    clear, solid = (*p.hair_line, 0.0), (*p.hair_line, 1.0)
    line = linear((0, fade[0]), (0, fade[1]), [clear, solid])
    soft = linear((0, fade[0]), (0, fade[1]), [(*p.hair_deep, 0.0), (*p.hair_deep, 0.75)])
    for index, (lock, path) in enumerate(locks):
        pen.line(path, line, 1.5 * g.line)
        pen.fill(path, deep if index % 2 else plain)
        strand = lock.moved(0.2 * lock.width, 0.15 * lock.width, width=0.10 * lock.width + 0.6)
        pen.fill(strand.outline(6), soft)
        if shine and shine.strength:
            pen.fill(shine.on(lock, index), p.hair_shine, shine.strength)


def _strands(scene: Scene, hair: FrontHair) -> None:
    """Fine dark lines from the crown, which tell the flow of the hair."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    with pen.clipped(hair.cap):
        for k in np.linspace(-0.85, 0.85, 7).tolist():
            end = g.dome(k * 1.15, 0.80)
            strand = Lock(
                root=g.crown,
                leave=g.dome(k * 0.55, 0.94),
                arrive=g.dome(k, 0.92),
                tip=(end[0], end[1] + 20),
                width=2.6,
                root_width=0.3,
            )
            pen.fill(strand.outline(6), p.hair_deep, 0.38)


def _gloss(scene: Scene, hair: FrontHair) -> None:
    """Broad light and shade on the whole mass of the hair."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    with pen.clipped(together([hair.cap] + [path for _, path in hair.fringe])):
        _glow(pen, g.dome(-1.25 * g.light_side, 1.05), 0.5 * g.half_width, p.hair_deep, 0.42)
        if hair.shine.strength < 0.6:
            _glow(pen, g.dome(0.55 * g.light_side, 0.78), 0.42 * g.half_width, p.hair_shine, 0.42)


def _glow(pen: Pen, centre: Point, radius: float, colour: RGB, alpha: float) -> None:
    """A round patch that fades outwards."""
    tint = radial(centre, 1.5 * radius, [(*colour, alpha), (*colour, 0.6 * alpha), (*colour, 0.0)])
    pen.fill(ellipse(*centre, 1.5 * radius, 1.5 * radius), tint)
