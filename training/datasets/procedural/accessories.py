"""Things that are worn: animal ears, hats, hairbands, bows, flowers, hairpins and glasses."""

from __future__ import annotations

import math

import numpy as np

from training.datasets.procedural.attributes import Stream
from training.datasets.procedural.palette import RGB, WHITE, darken, lighten, mix
from training.datasets.procedural.pen import curve, ellipse, linear, rectangle, spline
from training.datasets.procedural.scene import SIDES, Scene

EAR_INSIDE: RGB = (0.98, 0.76, 0.77)


def draw_behind_fringe(scene: Scene) -> None:
    """Cat ears, which the hair before them overlaps."""
    if scene.attributes.headwear != "cat_ears":
        return
    g, p, pen = scene.geometry, scene.palette, scene.pen
    s = g.half_width * 0.40
    for side in SIDES:
        x, y = g.dome(side * 0.66, 0.93)
        with pen.moved(x, y, side * 24.0, (float(side), 1.0)):
            ear = curve(
                (-0.95 * s, 0.45 * s),
                [(-0.80 * s, -0.50 * s), (-0.25 * s, -1.35 * s), (0.12 * s, -1.65 * s)],
                [(0.50 * s, -1.20 * s), (0.95 * s, -0.30 * s), (1.0 * s, 0.55 * s)],
                closed=True,
            )  # fmt: skip
            pen.line(ear, p.hair_line, 1.8 * g.line)
            pen.fill(ear, linear((0, -1.5 * s), (0, 0.4 * s), [p.hair, p.hair_shade]))
            inner = curve(
                (-0.52 * s, 0.40 * s),
                [(-0.45 * s, -0.40 * s), (-0.10 * s, -1.0 * s), (0.12 * s, -1.22 * s)],
                [(0.38 * s, -0.80 * s), (0.58 * s, -0.20 * s), (0.60 * s, 0.45 * s)],
                closed=True,
            )  # fmt: skip
            pen.fill(inner, EAR_INSIDE)
            pen.fill(ellipse(0, 0.45 * s, 0.55 * s, 0.5 * s), p.hair, 0.6, blur=8)


def draw_on_hair(scene: Scene) -> None:
    """All that lies on top of the finished hair."""
    rng = scene.rng(Stream.ACCESSORIES)
    sides = [float(s) for s in rng.choice([-1.0, 1.0], 3)]
    numbers = rng.random(4)
    attributes = scene.attributes
    if attributes.headwear == "hairband":
        _hairband(scene)
    if attributes.headwear == "hat":
        _beret(scene, sides[0])
    if attributes.hairpin:
        _hairpin(scene, -sides[1], double=bool(numbers[0] < 0.5))
    if attributes.flower:
        _flower(scene, sides[1], float(numbers[1]))
    if attributes.bow:
        _bow(scene, sides[0], numbers)


def draw_glasses(scene: Scene) -> None:
    """Round or square glasses that turn with the face."""
    if not scene.attributes.glasses:
        return
    g, pen = scene.geometry, scene.pen
    rng = scene.rng(Stream.ACCESSORIES)
    roundness = 0.25 + 0.75 * float(rng.random(9)[-1])
    frame = darken(scene.palette.accent, 0.45) if roundness > 0.6 else (0.16, 0.13, 0.17)
    half_w, half_h = g.eye_width * 1.30, g.eye_height * 1.02
    for side in SIDES:
        u = side * g.eye_u
        with pen.moved(g.x_at(u), g.eye_y + 4, 0.0, (side * g.squeeze(u), 1.0)):
            lens = rectangle(-half_w, -half_h, 2 * half_w, 2 * half_h, roundness * 0.95 * half_h)
            pen.fill(lens, (0.90, 0.96, 1.0), 0.10)
            glint = curve((-0.1 * half_w, 0.75 * half_h), [(0.55 * half_w, -0.70 * half_h)])
            pen.line(glint, WHITE, 7, 0.22)
            pen.line(lens, frame, 1.6 * g.line)
            pen.line(curve((half_w, -8), [(half_w + 34, -14)]), frame, 1.5 * g.line)
    left, right = (g.x_at(s * g.eye_u) - s * half_w * g.squeeze(s * g.eye_u) for s in SIDES)
    y = g.eye_y
    pen.line(curve((left, y), [((left + right) / 2, y - 10), (right, y)]), frame, 1.6 * g.line)


def _hairband(scene: Scene) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    band = spline([g.dome(a, 0.92) for a in np.linspace(-1.22, 1.22, 9)])
    pen.line(band, darken(p.accent, 0.5), 27)
    pen.line(band, p.accent, 21)
    pen.line(
        spline([g.dome(a, 0.945) for a in np.linspace(-0.8, 0.4, 7)]),
        lighten(p.accent, 0.5),
        4,
        0.6,
    )


def _beret(scene: Scene, side: float) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    half, top, x = g.hair_half_width, g.hair_top, g.hair_x
    line = darken(p.accent, 0.5)
    cloth = linear((x, top - 50), (x, 0.5 * top), [lighten(p.accent, 0.12), darken(p.accent, 0.22)])
    hat = spline(
        [
            (x - 1.02 * half, 0.52 * top),
            (x - (1.16 - 0.08 * side) * half, 0.78 * top),
            (x - 0.62 * half, 1.14 * top),
            (x + 0.05 * half * side, 1.22 * top),
            (x + 0.62 * half, 1.14 * top),
            (x + (1.16 + 0.08 * side) * half, 0.78 * top),
            (x + 1.02 * half, 0.52 * top),
            (x + 0.55 * half, 0.70 * top),
            (x, 0.76 * top),
            (x - 0.55 * half, 0.70 * top),
        ],
        closed=True,
    )
    pen.fill(hat, cloth)
    pen.line(hat, line, 1.1 * g.line)
    brim = spline([(x - 1.0 * half, 0.54 * top), (x - 0.55 * half, 0.715 * top), (x, 0.775 * top),
                   (x + 0.55 * half, 0.715 * top), (x + 1.0 * half, 0.54 * top)])  # fmt: skip
    pen.line(brim, line, 24)
    pen.line(brim, darken(p.accent, 0.22), 18)
    pen.fill(ellipse(x - side * 0.35 * half, 1.0 * top, 0.35 * half, 20), WHITE, 0.22, blur=9)


def _bow(scene: Scene, side: float, numbers: np.ndarray) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    line = darken(p.accent, 0.52)
    x, y = g.dome(side * (0.55 + 0.35 * float(numbers[2])), 0.88)
    size = 0.85 + 0.35 * float(numbers[3])
    cloth = linear((0, -45), (0, 45), [lighten(p.accent, 0.18), darken(p.accent, 0.18)])
    with pen.moved(x, y, side * 24.0, (size, size)):
        for k in SIDES:
            tail = curve(
                (0, 4),
                [(k * 22, 34), (k * 30, 66)],
                [(k * 44, 58)],
                [(k * 34, 24), (0, 4)],
                closed=True,
            )
            pen.fill(tail, darken(p.accent, 0.15))
            pen.line(tail, line, 0.9 * g.line)
        for k in SIDES:
            wing = curve(
                (0, 0), [(k * 26, -44), (k * 62, -56), (k * 72, -34)],
                [(k * 78, -6), (k * 76, 22), (k * 66, 34)], [(k * 44, 40), (k * 18, 22), (0, 0)],
                closed=True,
            )  # fmt: skip
            pen.fill(wing, cloth)
            pen.line(wing, line, 0.9 * g.line)
            pen.line(curve((k * 14, -2), [(k * 34, -8), (k * 46, -16)]), line, 0.7 * g.line, 0.7)
        pen.fill(ellipse(0, 0, 14, 16), lighten(p.accent, 0.1))
        pen.line(ellipse(0, 0, 14, 16), line, 0.9 * g.line)


def _flower(scene: Scene, side: float, turn: float) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    x, y = g.dome(side * 0.95, 0.84)
    petal, line = lighten(p.accent, 0.45), mix(darken(p.accent, 0.4), p.accent, 0.2)
    petals = []
    for k in range(5):
        angle = 2 * math.pi * (k / 5 + turn)
        petals.append(ellipse(x + 22 * math.cos(angle), y + 22 * math.sin(angle), 18, 18))
    for path in petals:
        pen.line(path, line, 1.3 * g.line)
    for path in petals:
        pen.fill(path, petal)
    pen.fill(ellipse(x, y, 22, 22), p.accent, 0.45, blur=7)
    pen.fill(ellipse(x, y, 10, 10), (1.0, 0.86, 0.36))
    pen.line(ellipse(x, y, 10, 10), line, 0.6 * g.line, 0.6)


def _hairpin(scene: Scene, side: float, double: bool) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    x, y = g.x_at(side * 0.60), -0.50 * g.half_width
    with pen.moved(x, y, side * 28.0):
        for k in (0, 1) if double else (0,):
            pin = curve((-25, 19 * k), [(25, 19 * k)])
            pen.line(pin, darken(p.accent, 0.55), 14)
            pen.line(pin, p.accent, 9)
