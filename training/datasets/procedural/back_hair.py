"""Hair behind the face: the silhouette."""

from __future__ import annotations

import math

import numpy as np

from training.datasets.procedural.attributes import Stream
from training.datasets.procedural.lock import Lock
from training.datasets.procedural.palette import darken, lighten, mix
from training.datasets.procedural.pen import Paint, Path, ellipse, linear, spline
from training.datasets.procedural.scene import SIDES, Scene

OFF_PICTURE = 330.0
"""A y below the picture's lower edge for every scale."""


def draw(scene: Scene) -> None:
    """Tails or buns, if any, and the mass of the hair before them."""
    rng = scene.rng(Stream.BACK_HAIR)
    kind = scene.attributes.back_hair
    if kind == "ponytail":
        side = 1 if rng.random() < 0.5 else -1
        _tail(scene, rng, side, tie=(0.72, 0.62), reach=1.0)
    elif kind == "twin_tails":
        height = float(rng.uniform(0.0, 0.62))
        for side in SIDES:
            _tail(scene, rng, side, tie=(1.0, height), reach=0.75)
    elif kind == "buns":
        for side in SIDES:
            _bun(scene, side)
    _mass(scene, rng, kind)


def _shade(scene: Scene) -> Paint:
    """Darker than the hair before the face, darkest near the head."""
    p, g = scene.palette, scene.geometry
    inner = mix(p.hair_shade, p.hair_deep, 0.40)
    ends = (
        mix(p.hair_tips, inner, 0.25)
        if scene.attributes.hair_gradient
        else mix(p.hair, inner, 0.75)
    )
    return linear((0, g.hair_top), (0, 230), [inner, inner, ends], [0.0, 0.45, 1.0])


def _mass(scene: Scene, rng: np.random.Generator, kind: str) -> None:
    """The fan of locks that falls from the crown around the head."""
    g = scene.geometry
    # Every style draws its numbers, so that the rest of the stream does not depend on the style.
    length, spread, flare, jitter, wave = {
        "long": (OFF_PICTURE, rng.uniform(0.98, 1.13), rng.uniform(0.92, 1.10), 8, 2),
        "wavy": (OFF_PICTURE, rng.uniform(1.04, 1.20), rng.uniform(0.95, 1.15), 8, 15),
        "bob": (rng.uniform(105, 190), rng.uniform(1.02, 1.18), rng.uniform(0.86, 1.04), 11, 0),
        "short": (rng.uniform(80, 120), rng.uniform(0.90, 0.97), rng.uniform(0.80, 0.96), 16, 0),
        "spiky": (rng.uniform(85, 120), rng.uniform(0.92, 1.00), rng.uniform(0.90, 1.04), 20, 0),
    }.get(kind, (85.0, 0.90, 0.72, 8, 0))
    half = g.hair_half_width
    locks = []
    for a in np.linspace(-1, 1, 11):
        end = a * flare + rng.normal(0, 0.035)
        drop = length * (1 - 0.12 * a * a) + rng.uniform(-jitter, jitter)
        locks.append(
            Lock(
                root=g.dome(0.9 * a, 0.62),
                leave=g.dome(1.22 * a, spread * 1.10),
                arrive=(g.hair_x + half * a * spread * 1.07, 0.58 * drop),
                tip=(g.hair_x + half * end * spread, drop),
                width=half * float(rng.uniform(0.24, 0.31)),
                root_width=0.8,
                peak=0.55,
                fullness=1.5 if kind in ("spiky", "short") else 2.4,
                wave=float(wave * rng.uniform(0.6, 1.1)) * (1 if a > 0 else -1),
                waves=2.2,
            )
        )
    if kind == "spiky":
        locks += _spikes(scene, rng)
    _draw_locks(scene, [ellipse(g.hair_x, -0.1 * half, 0.93 * half, 0.95 * half)], locks)


def _spikes(scene: Scene, rng: np.random.Generator) -> list[Lock]:
    """Pointed locks that stand off the head on both sides, longer towards the nape."""
    g = scene.geometry
    spikes = []
    for side in SIDES:
        for angle in np.linspace(0.75, 2.0, 6).tolist():
            a = side * (angle + float(rng.uniform(-0.08, 0.08)))
            reach = 1.13 + 0.06 * angle + float(rng.uniform(-0.03, 0.09))
            spikes.append(
                Lock(
                    root=g.dome(a - side * 0.35, 0.60),
                    leave=g.dome(a - side * 0.20, 0.95),
                    arrive=g.dome(a, 1.06),
                    tip=g.dome(a + side * 0.30, reach),
                    width=0.19 * g.hair_half_width,
                    root_width=0.9,
                    peak=0.4,
                    fullness=1.4,
                )
            )
    return spikes


def _draw_locks(scene: Scene, bases: list[Path], locks: list[Lock]) -> None:
    """Locks as one mass: a common outline, then fading lines between neighbours."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    paths = bases + [lock.outline() for lock in locks]
    shade = _shade(scene)
    for path in paths:
        pen.line(path, p.hair_line, 1.9 * g.line)
    for path in paths:
        pen.fill(path, shade)
    for lock in locks:
        strand = lock.moved(0, 0, width=0.055 * lock.width + 1.2, fullness=1.2)
        pen.fill(strand.outline(6), p.hair_line, 0.45)


def _tail(
    scene: Scene, rng: np.random.Generator, side: int, tie: tuple[float, float], reach: float
) -> None:
    """A tail that springs from a tie beside the head and falls off the picture."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    half = g.hair_half_width
    x, y = g.hair_x + side * half * tie[0], -tie[1] * half
    out = half * reach * float(rng.uniform(0.55, 0.85))
    length = float(rng.uniform(230, 400))
    curl = float(rng.uniform(-30, 40))
    locks = []
    for k in range(4):
        lean = (k - 1.5) / 1.5
        locks.append(
            Lock(
                root=(x - side * 12, y + 6 * lean),
                leave=(x + side * (out * (1.05 - 0.25 * lean)), y - 46 - 12 * lean),
                arrive=(x + side * (out * (0.95 - 0.35 * lean)), y + 0.55 * length),
                tip=(x + side * (0.45 * out - 22 * lean + curl), y + length * (1 + 0.08 * lean)),
                width=half * 0.235,
                root_width=0.35,
                peak=0.45,
                fullness=1.8,
                wave=float(rng.uniform(3, 12)) * side,
                waves=1.3,
            )
        )
    _draw_locks(scene, [], locks)
    knot = ellipse(x - side * 4, y + 2, 17, 23)
    pen.fill(
        knot, linear((x, y - 20), (x, y + 24), [lighten(p.accent, 0.2), darken(p.accent, 0.25)])
    )
    pen.line(knot, darken(p.accent, 0.55), 0.8 * g.line)


def _bun(scene: Scene, side: int) -> None:
    """A rolled bun on the side of the crown."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    x, y = g.dome(side * 0.78, 1.10)
    radius = 0.40 * g.half_width
    bun = ellipse(x, y, radius, 0.95 * radius)
    pen.line(bun, p.hair_line, 1.9 * g.line)
    pen.fill(bun, linear((x, y - radius), (x, y + radius), [p.hair, p.hair_shade]))
    turns = np.linspace(0.4, 2.1 * math.pi, 9)
    swirl = [
        (
            x + side * radius * (0.12 + 0.11 * t) * math.cos(t),
            y + radius * (0.1 + 0.11 * t) * math.sin(t),
        )
        for t in turns
    ]
    pen.line(spline(swirl), p.hair_line, 0.8 * g.line, 0.6)
    shine = ellipse(x - 0.1 * radius, y - 0.52 * radius, 0.42 * radius, 0.16 * radius)
    pen.fill(shine, p.hair_shine, 0.6, blur=2)
