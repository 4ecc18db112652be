"""The shapes of the hair before the face: cap, fringe, locks beside the face, stray hairs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.datasets.procedural.attributes import Stream
from training.datasets.procedural.geometry import Geometry
from training.datasets.procedural.lock import Lock
from training.datasets.procedural.pen import Path, spline, together
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
    """Make the shapes of one face."""
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


def _choose_shine(rng: np.random.Generator) -> Shine:
    strength = 0.0 if rng.random() < 0.18 else float(rng.uniform(0.45, 0.90))
    return Shine(strength, float(rng.uniform(0.43, 0.53)), float(rng.uniform(0.10, 0.16)))
