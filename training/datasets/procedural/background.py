"""What lies behind the head, in picture coordinates."""

from __future__ import annotations

import numpy as np

from training.datasets.procedural.attributes import Stream
from training.datasets.procedural.geometry import CANVAS
from training.datasets.procedural.palette import RGB, WHITE, darken, hsv, lighten, mix
from training.datasets.procedural.pen import Pen, curve, ellipse, linear, rectangle
from training.datasets.procedural.scene import Scene

PAGE = (0.0, 0.0, CANVAS, CANVAS)

LIGHT_TINTS: dict[str, tuple[RGB, float, float]] = {
    "warm": ((1.0, 0.74, 0.44), 0.05, 0.15),
    "cool": ((0.52, 0.62, 1.0), 0.04, 0.10),
    "dim": ((0.18, 0.12, 0.34), 0.07, 0.15),
}


def draw(scene: Scene) -> None:
    """Fill the whole picture."""
    rng = scene.rng(Stream.BACKGROUND)
    first = hsv(float(rng.random()), float(rng.uniform(0.06, 0.40)), float(rng.uniform(0.68, 1.0)))
    second = hsv(float(rng.random()), float(rng.uniform(0.06, 0.45)), float(rng.uniform(0.60, 1.0)))
    pen, kind, page = scene.pen, scene.attributes.background, rectangle(*PAGE)
    ends = ((float(rng.uniform(0, CANVAS)), 0.0), (float(rng.uniform(0, CANVAS)), CANVAS))
    if kind == "white":
        pen.fill(page, WHITE if rng.random() < 0.7 else hsv(0.1, 0.03, 0.97))
    elif kind == "plain":
        pen.fill(page, first)
    elif kind == "dark":
        pen.fill(page, linear(*ends, [darken(first, 0.62), darken(second, 0.74)]))
    elif kind == "sky":
        _sky(pen, rng)
    else:
        pen.fill(page, linear(*ends, [first, second]))
        if kind == "bokeh":
            _bokeh(pen, rng, first)
        elif kind == "stripes":
            _stripes(pen, rng)
        elif kind == "room":
            _room(pen, rng, first)


def tint(scene: Scene) -> None:
    """Wash the finished picture with the colour of its light."""
    if scene.attributes.light == "neutral":
        return
    colour, low, high = LIGHT_TINTS[scene.attributes.light]
    share = scene.geometry.softness
    scene.pen.fill(rectangle(*PAGE), colour, low + (high - low) * share)


def _sky(pen: Pen, rng: np.random.Generator) -> None:
    pen.fill(
        rectangle(*PAGE), linear((0, 0), (0, 512), [hsv(0.58, 0.52, 0.94), hsv(0.55, 0.14, 1)])
    )
    for _ in range(5):
        x, y = rng.uniform(0, 512), rng.uniform(0, 420)
        cloud = ellipse(x, y, rng.uniform(50, 130), rng.uniform(22, 55))
        pen.fill(cloud, WHITE, 0.8, blur=16)


def _bokeh(pen: Pen, rng: np.random.Generator, base: RGB) -> None:
    for _ in range(int(rng.integers(6, 13))):
        colour = lighten(mix(base, hsv(float(rng.random()), 0.35, 1), 0.5), rng.uniform(0.1, 0.7))
        radius = rng.uniform(18, 80)
        spot = ellipse(rng.uniform(0, 512), rng.uniform(0, 512), radius, radius)
        pen.fill(
            spot, colour, float(rng.uniform(0.3, 0.75)), blur=float(rng.choice([2.0, 8.0, 18.0]))
        )


def _stripes(pen: Pen, rng: np.random.Generator) -> None:
    slant = float(rng.uniform(-300, 300))
    for x in range(-480, 1020, 62):
        corners = [(x + 30.0, 0.0), (x + 30 + slant, 512.0), (x + slant, 512.0)]
        pen.fill(curve((x, 0), *[[corner] for corner in corners], closed=True), WHITE, 0.35)


def _room(pen: Pen, rng: np.random.Generator, base: RGB) -> None:
    for _ in range(6):
        colour = mix(base, hsv(float(rng.random()) * 0.15, 0.35, float(rng.uniform(0.4, 1))), 0.6)
        x, y = rng.uniform(-60, 460), rng.uniform(-60, 380)
        box = rectangle(x, y, rng.uniform(50, 220), rng.uniform(50, 300))
        pen.fill(box, colour, 0.75, blur=7)
