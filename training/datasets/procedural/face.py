"""Draws a face: the layers from back to front, and the picture's pixels."""

from __future__ import annotations

import numpy as np

from training.datasets.procedural import (
    accessories,
    back_hair,
    background,
    eyes,
    front_hair,
    front_shapes,
    geometry,
    head,
    palette,
)
from training.datasets.procedural._skia import skia
from training.datasets.procedural.attributes import Attributes, sample
from training.datasets.procedural.geometry import CANVAS, ORIGIN, SIZES
from training.datasets.procedural.pen import Pen
from training.datasets.procedural.scene import Scene

OVERSAMPLING = 4


def render(seed: int, size: int, attributes: Attributes | None = None) -> np.ndarray:
    """Draw the face of a seed.

    Args:
        seed: Within [0, 2**64). The same seed, size and attributes give the same bytes.
        size: Width and height in pixels, one of `SIZES`.
        attributes: What the face is to show; the seed's own attributes when absent. With
            `dataclasses.replace(sample(seed), glasses=True)` the same face puts on glasses.

    Returns:
        uint8 [size, size, 3], RGB.

    Raises:
        ValueError: the size or the seed is not allowed.
    """
    return rasterise(Pen, seed, size, attributes or sample(seed))


def rasterise(make_pen: type[Pen], seed: int, size: int, attributes: Attributes) -> np.ndarray:
    """Draw a face with a pen of any kind, larger than it is wanted, and shrink the picture.

    Args:
        make_pen: from a canvas to the pen that draws on it.
        seed: as for `render`.
        size: as for `render`.
        attributes: what the face is to show.

    Returns:
        uint8 [size, size, 3], RGB.

    Raises:
        ValueError: as from `render`.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {SIZES}, got {size}")
    drawn = max(256, min(512, OVERSAMPLING * size))
    surface = skia.Surface(drawn, drawn)
    with surface as canvas:
        canvas.scale(drawn / CANVAS, drawn / CANVAS)
        _draw(make_pen(canvas), seed, attributes)
    pixels_HWC = surface.toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3]
    return _shrink(pixels_HWC, drawn // size)


def _draw(pen: Pen, seed: int, attributes: Attributes) -> None:
    sizes = geometry.choose(seed, attributes)
    scene = Scene(seed, attributes, palette.choose(seed, attributes), sizes, pen)
    face = head.face_outline(sizes)
    hair = front_shapes.build(scene)

    background.draw(scene)
    x, y = ORIGIN[0] + sizes.shift_x, ORIGIN[1] + sizes.shift_y
    with pen.moved(x, y, attributes.roll, (sizes.scale, sizes.scale)):
        back_hair.draw(scene)
        head.draw_body(scene)
        head.draw_ears(scene)
        head.draw_face(scene, face)
        front_hair.draw_shadow(scene, hair, face)
        head.draw_nose(scene)
        head.draw_mouth(scene)
        eyes.draw_eyes(scene)
        front_hair.draw_sides(scene, hair)
        accessories.draw_behind_fringe(scene)
        front_hair.draw_top(scene, hair)
        eyes.draw_brows(scene)
        accessories.draw_glasses(scene)
        accessories.draw_on_hair(scene)
    background.tint(scene)


def _shrink(pixels_HWC: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of factor x factor pixels, in integers: no platform rounds differently."""
    if factor == 1:
        return np.ascontiguousarray(pixels_HWC)
    height, width, channels = pixels_HWC.shape
    blocks = pixels_HWC.reshape(height // factor, factor, width // factor, factor, channels)
    area = factor * factor
    sums = blocks.sum(axis=(1, 3), dtype=np.uint32)
    means: np.ndarray = (sums + area // 2) // area
    return means.astype(np.uint8)
