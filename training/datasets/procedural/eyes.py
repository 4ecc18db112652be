"""Eyes and brows. At 64 pixels they carry the face, so their contrasts are strong and simple.

An eye is drawn in its own coordinates: origin in its middle, +x away from the nose, y down.
"""

from __future__ import annotations

from training.datasets.procedural.geometry import Geometry
from training.datasets.procedural.palette import RGB, WHITE, darken, hsv, lighten, mix
from training.datasets.procedural.pen import curve, ellipse, linear, radial
from training.datasets.procedural.scene import SIDES, Scene

SCLERA: RGB = (0.995, 0.985, 0.985)
SCLERA_SHADE: RGB = (0.66, 0.64, 0.76)


def draw_eyes(scene: Scene) -> None:
    """Both eyes, as the expression has them."""
    g = scene.geometry
    for side in SIDES:
        u = side * g.eye_u
        expression = scene.attributes.eyes
        if expression == "wink":
            expression = "happy" if side == g.light_side else "open"
        with (
            scene.pen.moved(g.x_at(u), g.eye_y, 0.0, (side * g.squeeze(u), 1.0)),
            scene.pen.moved(0, 0, -0.5 * g.eye_tilt),
        ):
            if expression in ("happy", "closed"):
                _shut_eye(scene, up=expression == "happy")
            else:
                _open_eye(scene, side, expression)


def draw_brows(scene: Scene) -> None:
    """Brows lie over the fringe, as is usual in this style, so that they always can be read."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    inner, outer, lift = {
        "neutral": (0, 0, 0), "raised": (-4, -2, -9), "stern": (9, -5, 3), "worried": (-9, 6, -1),
    }[scene.attributes.brows]  # fmt: skip
    colour = mix(p.hair_deep, p.hair_line, 0.55)
    for side in SIDES:
        u = side * g.eye_u
        y = g.eye_y - g.eye_height - 25 + lift
        with pen.moved(g.x_at(u), y, 0.0, (side * g.squeeze(u), 1.0)):
            brow = curve(
                (-36, 5 + inner),
                [(-8, -9 + 0.3 * inner), (18, -9 + outer), (44, 6 + outer)],
                [(18, -3.5 + outer), (-8, -3 + 0.3 * inner), (-36, 9.5 + inner)],
                closed=True,
            )
            pen.fill(brow, colour, 0.85)
            pen.line(brow, colour, 1.6, 0.85)


def _shut_eye(scene: Scene, up: bool) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    width, stroke = g.eye_width, g.line
    y, bend = (20.0, -36.0) if up else (6.0, 26.0)
    lid = curve(
        (-0.92 * width, y),
        [(-0.45 * width, y + bend), (0.45 * width, y + bend), (width, y)],
        [(0.45 * width, y + bend + 9), (-0.45 * width, y + bend + 7), (-0.92 * width, y)],
        closed=True,
    )
    pen.fill(lid, p.lash)
    pen.line(lid, p.lash, 1.3 * stroke)
    direction = 1 if up else -1
    for k in (0, 1):
        start = (width * (0.98 - 0.26 * k), y - 3 * direction + (0 if up else 6) * k)
        end = (start[0] + 13, start[1] + 4 + (6 if up else 8))
        pen.line(curve(start, [end]), p.lash, 0.95 * stroke)
    fold = curve((-0.5 * width, y + bend - 10), [(0.1 * width, y + bend - 15),
                 (0.65 * width, y + bend - 4)])  # fmt: skip
    if up or bend < 0:
        pen.line(fold, p.skin_deep, 0.6 * stroke, 0.7)


def _lid_heights(expression: str, height: float) -> tuple[float, float]:
    """y of the upper and of the lower lid."""
    upper = {"open": 1.0, "wide": 1.12, "half": 0.52}[expression]
    lower = {"open": 0.90, "wide": 0.98, "half": 0.86}[expression]
    return -upper * height, lower * height


def _open_eye(scene: Scene, side: int, expression: str) -> None:
    g, p, pen = scene.geometry, scene.palette, scene.pen
    width, height = g.eye_width, g.eye_height
    top, bottom = _lid_heights(expression, height)
    opening = curve(
        (-0.90 * width, 0.22 * height),
        [(-0.86 * width, 0.62 * top), (-0.40 * width, 1.06 * top), (0.12 * width, top)],
        [(0.58 * width, 0.95 * top), (0.92 * width, 0.55 * top), (0.97 * width, 0.02 * height)],
        [(0.92 * width, 0.72 * bottom), (0.52 * width, bottom), (0.08 * width, bottom)],
        [(-0.42 * width, bottom), (-0.80 * width, 0.70 * bottom), (-0.90 * width, 0.22 * height)],
        closed=True,
    )
    pen.fill(opening, SCLERA)
    colour = p.eye_left if side < 0 else p.eye_right
    with pen.clipped(opening):
        _iris(scene, side, expression, colour)
        # The upper lid throws a shadow on the ball of the eye.
        shadow = linear(
            (0, top), (0, top + 0.55 * height), [(*SCLERA_SHADE, 0.75), (0.4, 0.36, 0.5, 0)]
        )
        pen.fill(opening, shadow)
    _highlights(scene, side, expression)
    _lashes(scene, top, bottom)


def _iris_place(g: Geometry, side: int, expression: str) -> tuple[float, float, float, float]:
    """x, y and radii of the iris in the eye's coordinates."""
    radius_x = g.iris * g.eye_width * (0.86 if expression == "wide" else 1.0)
    radius_y = 0.98 * g.eye_height * (0.92 if expression == "wide" else 1.0)
    # Both eyes look the same way in the picture: the mirrored eye gets the opposite sign.
    x = side * (g.gaze * g.eye_width + 16 * g.yaw) - 0.03 * g.eye_width
    return x, -0.02 * g.eye_height, radius_x, radius_y


def _iris(scene: Scene, side: int, expression: str, colour: RGB) -> None:
    pen, stroke = scene.pen, scene.geometry.line
    x, y, rx, ry = _iris_place(scene.geometry, side, expression)
    deep, night = darken(colour, 0.48, 0.02), darken(colour, 0.74, 0.03)
    glow = lighten(mix(colour, hsv(0.14, 0.25, 1.0), 0.18), 0.42)
    ball = ellipse(x, y, rx, ry)
    shades = [night, deep, colour, lighten(colour, 0.30)]
    pen.fill(ball, linear((0, y - ry), (0, y + ry), shades, [0.0, 0.36, 0.70, 1.0]))
    with pen.clipped(ball):
        pen.fill(
            ellipse(x, y + 0.66 * ry, 0.80 * rx, 0.52 * ry),
            radial((x, y + 0.70 * ry), 0.62 * ry, [(*glow, 0.95), (*glow, 0.55), (*glow, 0.0)]),
        )
        pen.line(ball, night, 2.6 * stroke, 0.85)
        pen.line(
            ellipse(x, y + 0.06 * ry, 0.72 * rx, 0.74 * ry),
            lighten(colour, 0.25),
            0.6 * stroke,
            0.35,
        )
    pupil = ellipse(x, y + 0.02 * ry, 0.40 * rx, 0.43 * ry)
    pen.fill(pupil, mix(night, (0.04, 0.02, 0.06), 0.55), 0.94)
    # A second, softer light inside the pupil gives depth.
    pen.fill(ellipse(x, y + 0.24 * ry, 0.22 * rx, 0.12 * ry), colour, 0.55, blur=2)


def _highlights(scene: Scene, side: int, expression: str) -> None:
    g, pen = scene.geometry, scene.pen
    x, y, rx, ry = _iris_place(g, side, expression)
    toward = g.light_side * side
    drop = 0.28 if expression == "half" else 0.0
    pen.fill(ellipse(x + toward * 0.36 * rx, y - (0.42 - drop) * ry, 0.36 * rx, 0.27 * ry), WHITE)
    pen.fill(ellipse(x - toward * 0.40 * rx, y + 0.42 * ry, 0.19 * rx, 0.14 * ry), WHITE, 0.92)
    if g.softness > 0.5:
        pen.fill(ellipse(x + toward * 0.02 * rx, y + 0.64 * ry, 0.10 * rx, 0.07 * ry), WHITE, 0.8)


def _lashes(scene: Scene, top: float, bottom: float) -> None:
    """The thick upper lash line with its flick, the thin lower one, and the fold of the lid."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    w, h, stroke = g.eye_width, g.eye_height, g.line
    thick = 8.0 + 1.4 * stroke
    lash = curve(
        (-0.97 * w, 0.27 * h),
        [(-0.92 * w, 0.70 * top), (-0.42 * w, 1.10 * top - 3), (0.13 * w, top - 4)],
        [(0.60 * w, 0.97 * top - 2), (0.98 * w, 0.62 * top), (1.05 * w, 0.02 * h)],
        [(1.12 * w, -0.02 * h), (1.18 * w, -0.08 * h), (1.27 * w, -0.22 * h)],
        [(1.22 * w, 0.02 * h), (1.12 * w, 0.16 * h), (0.98 * w, 0.20 * h)],
        [(0.90 * w, 0.50 * top + thick), (0.55 * w, 0.90 * top + thick), (0.12 * w, top + thick)],
        [(-0.40 * w, 1.02 * top + thick), (-0.80 * w, 0.62 * top + 4), (-0.97 * w, 0.27 * h)],
        closed=True,
    )  # fmt: skip
    pen.fill(lash, p.lash)
    pen.line(lash, p.lash, 0.45 * stroke)
    flick = curve((0.80 * w, 0.62 * top), [(1.06 * w, 0.66 * top), (1.20 * w, 0.86 * top)],
                  [(1.10 * w, 0.50 * top), (0.95 * w, 0.40 * top)], closed=True)  # fmt: skip
    pen.fill(flick, p.lash)
    lower = curve((0.99 * w, 0.16 * h), [(0.94 * w, 0.76 * bottom), (0.56 * w, bottom)])
    pen.line(lower, p.lash, 0.85 * stroke, 0.85)
    pen.line(
        curve((0.56 * w, bottom), [(0.1 * w, bottom + 3), (-0.45 * w, 0.95 * bottom)]),
        p.lash, 0.55 * stroke, 0.6,
    )  # fmt: skip
    fold = curve((-0.62 * w, top - 2), [(-0.10 * w, top - 20), (0.92 * w, 0.80 * top - 10)])
    pen.line(fold, p.skin_line, 0.60 * stroke, 0.6)
