"""Body, neck, ears and the face with its nose and mouth; everything but eyes and hair."""

from __future__ import annotations

from training.datasets.procedural.attributes import Stream
from training.datasets.procedural.geometry import Geometry
from training.datasets.procedural.palette import RGB, darken, lighten, mix
from training.datasets.procedural.pen import Path, Point, curve, ellipse, linear, spline
from training.datasets.procedural.scene import SIDES, Scene

TONGUE: RGB = (0.95, 0.56, 0.55)
MOUTH_INSIDE: RGB = (0.68, 0.24, 0.27)
TEETH: RGB = (1.0, 0.985, 0.975)
BLUSH: RGB = (1.0, 0.42, 0.42)


def face_outline(geometry: Geometry) -> Path:
    """Closed outline of the face: a round cheek that runs into a small soft chin."""
    g = geometry
    width, chin, full = g.half_width, g.chin, g.jaw
    # (share of the half width, y, how far the point follows the turn of the head)
    side = [
        (0.985, -30.0, 0.00),
        (0.992, 15.0, 0.05),
        (0.955, 60.0, 0.16),
        (0.825 + 0.035 * full, chin - 70, 0.36),
        (0.575 + 0.065 * full, chin - 36, 0.62),
        (0.295 + 0.070 * full, chin - 12.5, 0.86),
        (0.105 + 0.030 * full, chin - 1.5, 1.00),
    ]
    middle = 0.92 * g.turn
    left = [(-share * width + middle * follow, y) for share, y, follow in side]
    right = [(share * width + middle * follow, y) for share, y, follow in reversed(side)]
    top = [(0.60 * width, -150.0), (0.0, -178.0), (-0.60 * width, -150.0)]
    return spline([*left, (middle, chin), *right, *top], closed=True)


def draw_body(scene: Scene) -> None:
    """Shoulders, collar and neck."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    rng = scene.rng(Stream.BODY)
    x, chin = 0.25 * g.turn, g.chin
    edge = darken(p.cloth, 0.55)
    shoulder: list[Point] = [(48, chin + 8), (105, chin + 44), (205, chin + 78), (300, 420)]
    outline = [(x - dx, y) for dx, y in shoulder] + [(x + dx, y) for dx, y in reversed(shoulder)]
    body = spline(outline, closed=True)
    pen.fill(body, linear((0, chin), (0, chin + 150), [p.cloth, darken(p.cloth, 0.28)]))
    pen.line(body, edge, g.line)

    neck = curve(
        (x - 46, chin - 60),
        [(x - 47, chin - 10), (x - 44, chin + 10), (x - 54, chin + 24)],
        [(x - 20, chin + 66), (x + 20, chin + 66), (x + 54, chin + 24)],
        [(x + 44, chin + 10), (x + 47, chin - 10), (x + 46, chin - 60)],
        closed=True,
    )
    shade = mix(p.skin_shade, p.skin_deep, 0.45)
    pen.fill(neck, linear((0, chin - 4), (0, chin + 52), [shade, mix(p.skin, p.skin_shade, 0.6)]))
    pen.line(neck, p.skin_line, 0.7 * g.line, 0.6)

    style = rng.random()
    if style < 0.35:  # shirt collar
        for side in SIDES:
            tips = [
                (x + side * 4, chin + 64),
                (x + side * 62, chin + 92),
                (x + side * 92, chin + 34),
            ]
            collar = curve((x + side * 50, chin + 14), *[[tip] for tip in tips], closed=True)
            pen.fill(collar, lighten(p.cloth, 0.72))
            pen.line(collar, edge, 0.7 * g.line)
    elif style < 0.60:  # choker
        band = curve((x - 47, chin + 12), [(x, chin + 30), (x + 47, chin + 12)])
        pen.line(band, darken(p.accent, 0.35), 11)


def draw_ears(scene: Scene) -> None:
    """Human ears, which most hair covers."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    for side in SIDES:
        x = g.half_width * side * 0.97 - 0.25 * g.turn
        y = g.eye_y
        ear = spline(
            [(x, y - 26), (x + side * 20, y - 34), (x + side * 23, y + 4), (x + side * 9, y + 38),
             (x - side * 8, y + 44)], closed=True,
        )  # fmt: skip
        pen.fill(ear, mix(p.skin, p.skin_shade, 0.35))
        pen.line(ear, p.skin_line, 0.7 * g.line, 0.8)
        fold = curve((x + side * 4, y - 14), [(x + side * 18, y - 16), (x + side * 9, y + 20)])
        pen.line(fold, p.skin_deep, 0.6 * g.line, 0.8)


def draw_face(scene: Scene, outline: Path) -> None:
    """Skin with its shading and blush."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    dark_side = -g.light_side
    width = g.half_width
    tone = linear(
        (-dark_side * width, -60), (dark_side * width, 150),
        [p.skin, p.skin, mix(p.skin, p.skin_shade, 0.40)],
    )  # fmt: skip
    pen.fill(outline, tone)
    with pen.clipped(outline):
        cheek = ellipse(dark_side * width * 1.22 + 0.5 * g.turn, 95, width * 0.62, 150)
        pen.fill(cheek, p.skin_shade, 0.55, blur=3 + 13 * g.softness)
        strength = {"none": 0.0, "soft": 0.30, "strong": 0.50}[scene.attributes.blush]
        for side in SIDES if strength else ():
            u = side * 0.60
            x, y = g.x_at(u), g.eye_y + g.eye_height + 16
            pen.fill(ellipse(x, y, 34 * g.squeeze(u), 17), BLUSH, strength, blur=9)
            for k in (-1, 0, 1) if scene.attributes.blush == "strong" else ():
                stroke = curve((x + 13 * k + 4, y - 7), [(x + 13 * k - 4, y + 7)])
                pen.line(stroke, mix(p.skin_line, BLUSH, 0.75), 2.6, 0.7)
    pen.line(outline, p.skin_line, 0.85 * g.line, 0.9)


def draw_nose(scene: Scene) -> None:
    """A small hook, as is usual in this style."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    x, y = g.turn * 1.10, g.eye_y + 0.42 * (g.chin - g.eye_y)
    side = -g.light_side if abs(g.yaw) < 0.03 else (1 if g.yaw > 0 else -1)
    pen.fill(ellipse(x + side * 3, y + 2, 6, 4), p.skin_deep, 0.35, blur=2)
    nose = curve((x, y - 7), [(x + side * 6, y + 1), (x - side * 1.5, y + 4)])
    pen.line(nose, p.skin_line, 0.75 * g.line, 0.75)


def draw_mouth(scene: Scene) -> None:
    """The mouth of the expression."""
    g, p, pen = scene.geometry, scene.palette, scene.pen
    rng = scene.rng(Stream.FACE)
    kind = scene.attributes.mouth
    x, y = g.turn * 1.0, g.eye_y + 0.685 * (g.chin - g.eye_y)
    half, depth = float(rng.uniform(22, 33)), float(rng.uniform(0, 1))
    stroke = 1.05 * g.line
    with pen.moved(x, y, 0.0, (g.squeeze(0.0), 1.0)):
        if kind in ("smile", "flat", "frown"):
            bend = {"smile": 11 + 5 * depth, "flat": 1.5, "frown": -9 - 3 * depth}[kind]
            half *= {"smile": 1.0, "flat": 0.72, "frown": 0.75}[kind]
            lip = curve((-half, -0.35 * bend), [(0, bend), (half, -0.35 * bend)])
            pen.line(lip, p.lips, stroke)
            if kind == "smile":
                pen.line(curve((-7, 13 + 3 * depth), [(0, 16 + 3 * depth), (7, 13 + 3 * depth)]),
                         p.skin_deep, 0.8 * stroke, 0.6)  # fmt: skip
        elif kind == "cat":
            lip = curve((-half, -4), [(-half * 0.5, 12), (0, -1)], [(half * 0.5, 12), (half, -4)])
            pen.line(lip, p.lips, stroke)
        else:
            _open_mouth(scene, kind, half, depth)


def _open_mouth(scene: Scene, kind: str, half: float, depth: float) -> None:
    pen, p, stroke = scene.pen, scene.palette, 0.95 * scene.geometry.line
    half *= {"open": 1.05, "small_open": 0.46, "grin": 1.05}[kind]
    drop = {"open": 36 + 14 * depth, "small_open": 24 + 8 * depth, "grin": 20 + 7 * depth}[kind]
    lift = -12.0 if kind == "small_open" else -4.0
    mouth = curve(
        (-half, -8),
        [(-half * 0.4, -8 + lift * 0.3), (half * 0.4, -8 + lift * 0.3), (half, -8)],
        [(half * 0.86, drop * 0.92), (-half * 0.86, drop * 0.92), (-half, -8)],
        closed=True,
    )
    pen.fill(mouth, TEETH if kind == "grin" else MOUTH_INSIDE)
    with pen.clipped(mouth):
        if kind == "grin":
            pen.line(curve((-half, 2), [(0, 7), (half, 2)]), p.lips, 0.5 * stroke, 0.5)
        else:
            pen.fill(ellipse(0, drop * 0.72, half * 0.72, drop * 0.36), TONGUE)
        if kind == "open":
            pen.fill(ellipse(0, -10, half * 0.80, 9), TEETH)
    pen.line(mouth, p.lips, stroke)
