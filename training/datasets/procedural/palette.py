"""Colours. RGB triples of floats in [0, 1]; pure functions; no drawing."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from training.datasets.procedural.attributes import EYE_COLOURS, Attributes, Stream, pick, stream

RGB = tuple[float, float, float]

WHITE: RGB = (1.0, 1.0, 1.0)

# Hue, saturation and value of every named colour.
HAIR: dict[str, RGB] = {
    "black": (0.66, 0.26, 0.21), "dark_brown": (0.05, 0.44, 0.30), "brown": (0.06, 0.52, 0.46),
    "light_brown": (0.08, 0.46, 0.68), "blonde": (0.125, 0.44, 0.95), "golden": (0.108, 0.60, 0.88),
    "pink": (0.945, 0.35, 0.96), "magenta": (0.90, 0.50, 0.80), "light_blue": (0.56, 0.34, 0.93),
    "blue": (0.60, 0.52, 0.80), "navy": (0.64, 0.50, 0.46), "purple": (0.755, 0.38, 0.74),
    "red": (0.99, 0.62, 0.72), "orange": (0.045, 0.62, 0.90), "green": (0.38, 0.40, 0.66),
    "teal": (0.485, 0.44, 0.76), "silver": (0.62, 0.09, 0.86), "white": (0.10, 0.05, 0.97),
    "grey": (0.70, 0.05, 0.55),
}  # fmt: skip
EYES: dict[str, RGB] = {
    "blue": (0.60, 0.76, 0.88), "sky": (0.54, 0.64, 0.92), "green": (0.36, 0.66, 0.70),
    "teal": (0.46, 0.68, 0.76), "red": (0.985, 0.78, 0.80), "pink": (0.92, 0.58, 0.88),
    "purple": (0.765, 0.58, 0.78), "amber": (0.115, 0.80, 0.90), "brown": (0.06, 0.64, 0.50),
    "grey": (0.60, 0.16, 0.62),
}  # fmt: skip
SKIN: dict[str, RGB] = {
    "fair": (0.060, 0.085, 1.00), "light": (0.062, 0.165, 0.99),
    "tan": (0.066, 0.32, 0.90), "dark": (0.058, 0.44, 0.70),
}  # fmt: skip


def hsv(hue: float, saturation: float, value: float) -> RGB:
    """RGB of a hue (taken modulo 1), saturation and value (both clipped to [0, 1])."""
    clipped = (min(1.0, max(0.0, saturation)), min(1.0, max(0.0, value)))
    return colorsys.hsv_to_rgb(hue % 1.0, *clipped)


def mix(first: RGB, second: RGB, amount: float) -> RGB:
    """`first` at amount 0, `second` at amount 1."""
    a, b, c = (x + (y - x) * amount for x, y in zip(first, second, strict=True))
    return (a, b, c)


def darken(colour: RGB, amount: float, hue_shift: float = 0.0) -> RGB:
    """Deeper shade: less value, more saturation, as paint in shadow rather than as grey."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    richer = saturation * (1.0 + 0.55 * amount) + 0.05 * amount
    return hsv(hue + hue_shift, richer, value * (1.0 - amount))


def lighten(colour: RGB, amount: float) -> RGB:
    """Towards white by an amount in [0, 1]."""
    return mix(colour, WHITE, amount)


@dataclass(frozen=True, slots=True)
class Palette:
    """Every colour that a face needs, with its shades worked out once."""

    hair: RGB
    hair_shade: RGB
    hair_deep: RGB
    hair_line: RGB
    hair_shine: RGB
    hair_tips: RGB
    eye_left: RGB
    eye_right: RGB
    skin: RGB
    skin_shade: RGB
    skin_deep: RGB
    skin_line: RGB
    lash: RGB
    lips: RGB
    accent: RGB
    cloth: RGB


def _shade_of(rng: np.random.Generator, base: RGB, hue: float, amount: float) -> RGB:
    h, s, v = base
    return hsv(
        h + float(rng.normal(0.0, hue)),
        s * float(rng.uniform(1.0 - amount, 1.0 + amount)),
        v * float(rng.uniform(1.0 - 0.6 * amount, 1.0 + 0.5 * amount)),
    )


def _skin(rng: np.random.Generator, base: RGB) -> RGB:
    """Varied less than other colours, and hardly in value: dull skin looks ill."""
    h, s, v = base
    hue = h + float(rng.normal(0.0, 0.006))
    return hsv(hue, s * float(rng.uniform(0.85, 1.25)), v * float(rng.uniform(0.975, 1.01)))


def choose(seed: int, attributes: Attributes) -> Palette:
    """The shades of one face, varied about the named colours."""
    rng = stream(seed, Stream.COLOURS)
    hair = _shade_of(rng, HAIR[attributes.hair_colour], 0.010, 0.16)
    eye = _shade_of(rng, EYES[attributes.eye_colour], 0.012, 0.14)
    other = _shade_of(rng, EYES[pick(rng, EYE_COLOURS)], 0.012, 0.14)
    skin = _skin(rng, SKIN[attributes.skin])
    tips_shift = float(rng.choice([-0.16, -0.09, 0.10, 0.18]))
    accent = hsv(float(rng.random()), float(rng.uniform(0.45, 0.85)), float(rng.uniform(0.6, 0.95)))
    cloth = hsv(float(rng.random()), float(rng.uniform(0, 0.65)), float(rng.uniform(0.25, 1.0)))

    hue, saturation, value = colorsys.rgb_to_hsv(*hair)
    # Near-white hair shades to a cool lilac: a grey shade would look dirty.
    pale = saturation < 0.14 and value > 0.7
    shade = hsv(0.66, 0.20, value * 0.80) if pale else darken(hair, 0.26, -0.015)
    deep = hsv(0.67, 0.28, value * 0.60) if pale else darken(hair, 0.46, -0.02)
    line = mix(darken(deep, 0.42), (0.13, 0.08, 0.12), 0.35)
    tips = shade
    if attributes.hair_gradient:
        tips = hsv(hue + tips_shift, max(0.35, saturation), max(0.55, value))
    return Palette(
        hair=hair,
        hair_shade=shade,
        hair_deep=deep,
        hair_line=line,
        hair_shine=lighten(hair, 0.62 if value > 0.45 else 0.34),
        hair_tips=tips,
        eye_left=eye,
        eye_right=other if attributes.heterochromia else eye,
        skin=skin,
        skin_shade=mix(skin, (skin[0] * 0.96, skin[1] * 0.76, skin[2] * 0.73), 0.85),
        skin_deep=(skin[0] * 0.84, skin[1] * 0.58, skin[2] * 0.58),
        skin_line=(skin[0] * 0.56, skin[1] * 0.34, skin[2] * 0.33),
        lash=mix(line, (0.10, 0.05, 0.08), 0.70),
        lips=(0.58 * skin[0], 0.24 * skin[1], 0.26 * skin[2]),
        accent=accent,
        cloth=cloth,
    )
