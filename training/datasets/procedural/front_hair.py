"""Hair before the face: the cap on the skull, the fringe and the locks beside the face.

The fringe is a set of tapering locks that spring from the crown. Lock and cap share one gradient
and the locks' outlines fade towards their roots, so that they grow out of the cap without a seam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.datasets.procedural.attributes import Stream
from training.datasets.procedural.geometry import Geometry
from training.datasets.procedural.palette import mix
from training.datasets.procedural.pen import (
    Lock,
    Path,
    Pen,
    ellipse,
    linear,
    radial,
    spline,
    together,
)
from training.datasets.procedural.scene import SIDES, Scene


@dataclass(frozen=True, slots=True)
class Shine:
    """The ring of light that anime hair wears: a tapered patch on each lock."""

    strength: float
    place: float
    """Where along the locks the ring's middle lies, in (0, 1)."""
    reach: float

    def on(self, lock: Lock, index: int) -> Path:
        """Two patches that follow the lock, a broad one and a fine one."""
        shift = 0.02 * math.sin(2.4 * index)
        start, end = self.place - self.reach + shift, self.place + self.reach + shift
        shape = {"root_width": 0.0, "peak": 0.45, "fullness": 2.0, "wave": 0.0}
        side = lock.width * (0.22 if index % 2 else -0.22)
        broad = lock.moved(0.4 * side, 1.2 * side).part(
            start, end, width=0.36 * lock.width, **shape
        )
        fine = lock.moved(-0.7 * side, -2.2 * side).part(
            start + 0.04, end - 0.02, width=0.13 * lock.width, **shape
        )
        return together([broad.outline(8), fine.outline(6)])


@dataclass(frozen=True, slots=True)
class FrontHair:
    """The shapes of the hair before the face, made before the face is shaded by them."""

    cap: Path
    fringe: list[tuple[Lock, Path]]
    sides: list[tuple[Lock, Path]]
    strays: list[Path]
    shine: Shine


def build(scene: Scene) -> FrontHair:
    rng = scene.rng(Stream.FRONT_HAIR)
    g = scene.geometry
    fringe = _fringe(g, rng, scene.attributes.bangs)
    sides = _side_locks(g, rng, scene.attributes.side_locks)
    return FrontHair(
        cap=_cap(g, rng),
        fringe=[(lock, lock.outline()) for lock in fringe],
        sides=[(lock, lock.outline()) for lock in sides],
        strays=_strays(g, rng, scene.attributes.ahoge),
        shine=_choose_shine(rng),
    )


def draw_shadow(scene: Scene, hair: FrontHair, face: Path) -> None:
    """Shadow of the hair on the skin."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    colour = mix(p.skin_shade, p.skin_deep, 0.45)
    paths = [path for _, path in hair.fringe + hair.sides] + [hair.cap]
    with pen.clipped(face), pen.moved(-4.0 * g.light_side, 11):
        pen.fill(together(paths), colour, 0.72, blur=2.0)


def draw_sides(scene: Scene, hair: FrontHair) -> None:
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


def _shade(scene: Scene, lower: float = 0.0) -> object:
    """The common gradient of cap and locks; `lower` in [0, 1] deepens the tips."""
    g, p = scene.geometry, scene.palette
    ends = mix(p.hair_tips, p.hair_deep, 0.25 * lower)
    if not scene.attributes.hair_gradient:
        ends = mix(p.hair, ends, 0.55 + 0.45 * lower)
    stops = [0.0, 0.30, 0.55, 1.0]
    tones = [mix(p.hair, p.hair_shade, 0.35), p.hair, mix(p.hair, ends, 0.25), ends]
    return linear((0, g.hair_top), (0, 200), tones, stops)


def _cap(g: Geometry, rng: np.random.Generator) -> Path:
    """The hair on the skull, from temple to temple, open over the forehead."""
    angles = np.linspace(-1.60, 1.60, 13)
    dome = [g.dome(a, 1.0 + float(rng.normal(0, 0.006))) for a in angles]
    hairline = [
        (g.hair_half_width * 0.97 + g.hair_x, 30.0),
        (g.x_at(0.90), -0.30 * g.half_width),
        (g.x_at(0.62), -0.66 * g.half_width),
        (g.x_at(g.parting), -0.80 * g.half_width),
        (g.x_at(-0.62), -0.66 * g.half_width),
        (g.x_at(-0.90), -0.30 * g.half_width),
        (-g.hair_half_width * 0.97 + g.hair_x, 30.0),
    ]
    # Wound as the locks are, so that all of them join into one shape.
    return spline((dome + hairline)[::-1], closed=True)


def _fringe(g: Geometry, rng: np.random.Generator, style: str) -> list[Lock]:
    """Locks from the crown over the forehead, the rearmost first."""
    count = int(rng.integers(*{"blunt": (7, 10), "curtain": (6, 8)}.get(style, (6, 9))))
    parting = g.parting * (0.4 if style == "curtain" else 1.0)
    flow = 1 if parting < 0 else -1
    lash = g.eye_y - g.eye_height
    level = lash + float(rng.uniform(-6, 14))
    places = np.linspace(-0.92, 0.92, count) + rng.normal(0, 0.35 / count, count)
    locks: list[tuple[float, Lock]] = []
    for v in places.tolist():
        away = v - parting
        outward = math.copysign(1.0, away)
        far = min(1.0, abs(away))
        if style == "blunt":
            x, y, fullness = v * 0.97, level + 10 * v * v + rng.uniform(-5, 5), 2.8
        elif style == "messy":
            x, y = v + rng.normal(0, 0.10), level + 16 * v * v + rng.uniform(-16, 24)
            fullness = 1.7
        elif style == "parted":
            x, y, fullness = v + 0.20 * outward, level - 32 + 66 * far + rng.uniform(-7, 7), 1.9
        elif style == "swept":
            x, y = v + 0.26 * flow, level - 10 + 30 * max(0.0, v * flow) + rng.uniform(-9, 12)
            fullness = 1.8
        else:
            x, y = v + 0.26 * outward, level - 44 + 150 * far**1.15 + rng.uniform(-8, 8)
            fullness = 2.0
        edge = abs(v) > 0.78
        if edge:  # the outermost locks hide the end of the cap
            x, y = math.copysign(1.0 + rng.uniform(-0.04, 0.03), v), rng.uniform(35, 75)
            fullness = 1.8
        tip = (g.x_at(max(-1.05, min(1.05, x))), y)
        lean = g.x_at(v) * 1.04
        bulge = g.hair_half_width * v * 1.02 + g.hair_x
        lock = Lock(
            root=(g.crown[0] + 0.30 * v * g.half_width, g.crown[1] + 26 + 18 * abs(v)),
            leave=(bulge, 0.70 * g.hair_top + 34 * v * v),
            arrive=(0.75 * lean + 0.25 * tip[0], 0.45 * tip[1] + 0.55 * (-0.62 * g.half_width)),
            tip=tip,
            width=g.half_width * (1.30 / count) * float(rng.uniform(0.92, 1.18)),
            root_width=0.45,
            peak=0.56,
            fullness=fullness,
        )
        depth = abs(v) + float(rng.normal(0, 0.15))
        locks.append((depth, lock))
        if not edge and rng.random() < (0.30 if style == "blunt" else 0.55):
            # A thinner companion splits the tip, as hair does.
            step = float(rng.choice([-1, 1])) * lock.width * 0.75
            higher = (tip[0] + 1.15 * step, tip[1] - float(rng.uniform(4, 20)))
            thin = lock.moved(0.2 * step, step, tip=higher, width=0.55 * lock.width, fullness=1.5)
            locks.append((depth - 0.05, thin))
    return [lock for _, lock in sorted(locks, key=lambda pair: -pair[0])]


def _side_locks(g: Geometry, rng: np.random.Generator, style: str) -> list[Lock]:
    """Locks that frame the face from the temples down."""
    locks = []
    for side in SIDES:
        length = {"none": 0.0, "short": rng.uniform(95, 165), "long": 340.0}[style]
        count = int(rng.integers(1, 4))
        width, inward = float(rng.uniform(17, 25)), float(rng.uniform(-0.08, 0.09))
        wave = float(rng.uniform(0, 7))
        for k in range(count) if style != "none" else ():
            x = g.half_width * side * (1.04 + 0.08 * k) + 0.24 * g.turn
            drop = length * (1.0 - 0.17 * k) + float(rng.uniform(-14, 14))
            locks.append(
                Lock(
                    root=(x - side * 0.52 * g.half_width, -0.95 * g.half_width),
                    leave=(x + side * 0.03 * g.half_width, -0.55 * g.half_width),
                    arrive=(x + side * 0.05 * g.half_width, 0.45 * drop),
                    tip=(x - side * inward * g.half_width * (1.2 - 0.5 * k), drop),
                    width=width * (1.0 - 0.15 * k),
                    root_width=0.7,
                    peak=0.45,
                    fullness=1.7,
                    wave=wave * side,
                )
            )
    return locks[::-1]


def _strays(g: Geometry, rng: np.random.Generator, ahoge: bool) -> list[Path]:
    """Little hairs that break the outline, and the antenna lock."""
    strays = []
    for _ in range(int(rng.integers(0, 4))):
        angle = float(rng.choice([-1, 1]) * rng.uniform(0.35, 1.40))
        lean = 0.20 * math.copysign(1.0, angle)
        strays.append(
            Lock(
                root=g.dome(angle - 1.3 * lean, 0.90),
                leave=g.dome(angle - 0.5 * lean, 1.0),
                arrive=g.dome(angle, 1.02),
                tip=g.dome(angle + lean, 1.0 + float(rng.uniform(0.03, 0.075))),
                width=4.5,
            ).outline()
        )
    side, height = float(rng.choice([-1, 1])), float(rng.uniform(34, 60))
    if ahoge:
        x, y = g.crown
        strays.append(
            Lock(
                root=(x, y + 14),
                leave=(x - side * 14, y - height),
                arrive=(x + side * 50, y - 1.5 * height),
                tip=(x + side * 76, y - 0.4 * height),
                width=8.5,
                root_width=0.8,
                peak=0.4,
            ).outline(10)
        )
    return strays


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


def _choose_shine(rng: np.random.Generator) -> Shine:
    strength = 0.0 if rng.random() < 0.18 else float(rng.uniform(0.45, 0.90))
    return Shine(strength, float(rng.uniform(0.43, 0.53)), float(rng.uniform(0.10, 0.16)))


def _gloss(scene: Scene, hair: FrontHair) -> None:
    """Broad light and shade on the whole mass of the hair."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    with pen.clipped(together([hair.cap] + [path for _, path in hair.fringe])):
        _glow(pen, g.dome(-1.25 * g.light_side, 1.05), 0.5 * g.half_width, p.hair_deep, 0.42)
        if hair.shine.strength < 0.6:
            _glow(pen, g.dome(0.55 * g.light_side, 0.78), 0.42 * g.half_width, p.hair_shine, 0.42)


def _glow(
    pen: Pen, centre: tuple[float, float], radius: float, colour: object, alpha: float
) -> None:
    tint = radial(centre, 1.5 * radius, [(*colour, alpha), (*colour, 0.6 * alpha), (*colour, 0.0)])
    pen.fill(ellipse(*centre, 1.5 * radius, 1.5 * radius), tint)
