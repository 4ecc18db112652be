"""What a face shows: the labels, drawn from the seed alone.

Every random decision belongs to a numbered stream of the seed. Streams are independent, so a face
keeps its hair when only its glasses change, and a new detail in one part leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

MAX_SEED = 2**64 - 1


class Stream(IntEnum):
    """The independent random streams of one seed. Never renumber: the numbers are the pictures."""

    ATTRIBUTES = 0
    COLOURS = 1
    GEOMETRY = 2
    BACKGROUND = 3
    BODY = 4
    FACE = 5
    BACK_HAIR = 6
    FRONT_HAIR = 7
    ACCESSORIES = 8


def stream(seed: int, which: Stream) -> np.random.Generator:
    """Random numbers of one stream of a seed (Philox, keyed by the seed and the stream's number).

    Raises:
        ValueError: the seed is not within [0, 2**64).
    """
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be within [0, 2**64), got {seed}")
    key = np.array([seed, int(which)], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


# Choices with their weights: each occurs as often as its share in its table's sum.
HAIR_COLOURS = {
    "black": 0.10, "dark_brown": 0.09, "brown": 0.11, "light_brown": 0.08, "blonde": 0.14,
    "golden": 0.05, "pink": 0.09, "magenta": 0.03, "light_blue": 0.06, "blue": 0.07,
    "navy": 0.04, "purple": 0.06, "red": 0.06, "orange": 0.02, "green": 0.04, "teal": 0.03,
    "silver": 0.07, "white": 0.04, "grey": 0.02,
}  # fmt: skip
EYE_COLOURS = {
    "blue": 0.22, "sky": 0.09, "green": 0.13, "teal": 0.07, "red": 0.12, "pink": 0.07,
    "purple": 0.11, "amber": 0.09, "brown": 0.08, "grey": 0.02,
}  # fmt: skip
SKINS = {"fair": 0.50, "light": 0.36, "tan": 0.09, "dark": 0.05}
BACK_HAIR = {
    "long": 0.32, "wavy": 0.11, "bob": 0.18, "short": 0.10, "spiky": 0.06,
    "twin_tails": 0.13, "ponytail": 0.06, "buns": 0.04,
}  # fmt: skip
BANGS = {"blunt": 0.20, "messy": 0.28, "parted": 0.20, "swept": 0.18, "curtain": 0.14}
SIDE_LOCKS = {"none": 0.14, "short": 0.46, "long": 0.40}
EYES = {
    "open": 0.72, "wide": 0.06, "half": 0.09, "happy": 0.06, "closed": 0.04, "wink": 0.03,
}  # fmt: skip
MOUTHS = {
    "smile": 0.34, "open": 0.23, "small_open": 0.09, "cat": 0.07, "flat": 0.14, "frown": 0.06,
    "grin": 0.07,
}  # fmt: skip
BROWS = {"neutral": 0.55, "raised": 0.15, "stern": 0.15, "worried": 0.15}
BLUSHES = {"none": 0.28, "soft": 0.52, "strong": 0.20}
HEADWEAR = {"none": 0.80, "hairband": 0.06, "hat": 0.05, "cat_ears": 0.09}
BACKGROUNDS = {
    "white": 0.17, "plain": 0.21, "gradient": 0.22, "bokeh": 0.15, "sky": 0.09, "stripes": 0.05,
    "dark": 0.06, "room": 0.05,
}  # fmt: skip
LIGHTS = {"neutral": 0.74, "warm": 0.13, "cool": 0.09, "dim": 0.04}


@dataclass(frozen=True, slots=True)
class Attributes:
    """All that a face shows and that a label can name.

    Colours are names here; the shade that is painted varies about the name's (see `palette`).
    """

    hair_colour: str
    hair_gradient: bool
    back_hair: str
    bangs: str
    side_locks: str
    ahoge: bool
    eye_colour: str
    heterochromia: bool
    eyes: str
    mouth: str
    brows: str
    blush: str
    skin: str
    glasses: bool
    headwear: str
    bow: bool
    flower: bool
    hairpin: bool
    background: str
    light: str
    yaw: float
    """Turn of the head in radians, -0.2 to 0.2; positive turns to the picture's right."""
    pitch: float
    """Nod in radians, -0.1 to 0.1; positive looks down."""
    roll: float
    """Tilt in degrees, -16 to 16; positive is clockwise."""

    def labels(self) -> dict[str, Any]:
        """Flat dictionary of strings, booleans and floats, ready for JSON."""
        return asdict(self)


def pick(rng: np.random.Generator, table: Mapping[T, float]) -> T:
    """Choose a key of a table by its weight. Takes exactly one random number."""
    names = list(table)
    edges = np.cumsum(list(table.values()))
    return names[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def sample(seed: int) -> Attributes:
    """The attributes of a seed.

    Raises:
        ValueError: the seed is not within [0, 2**64).
    """
    rng = stream(seed, Stream.ATTRIBUTES)

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    def spread(sigma: float, limit: float) -> float:
        return round(float(np.clip(rng.normal(0.0, sigma), -limit, limit)), 4)

    headwear = pick(rng, HEADWEAR)
    bare = headwear == "none"
    return Attributes(
        hair_colour=pick(rng, HAIR_COLOURS),
        hair_gradient=chance(0.10),
        back_hair=pick(rng, BACK_HAIR),
        bangs=pick(rng, BANGS),
        side_locks=pick(rng, SIDE_LOCKS),
        ahoge=chance(0.18) and headwear != "hat",
        eye_colour=pick(rng, EYE_COLOURS),
        heterochromia=chance(0.02),
        eyes=pick(rng, EYES),
        mouth=pick(rng, MOUTHS),
        brows=pick(rng, BROWS),
        blush=pick(rng, BLUSHES),
        skin=pick(rng, SKINS),
        glasses=chance(0.07),
        headwear=headwear,
        bow=chance(0.16) and bare,
        flower=chance(0.06) and headwear != "hat",
        hairpin=chance(0.10) and headwear != "hat",
        background=pick(rng, BACKGROUNDS),
        light=pick(rng, LIGHTS),
        yaw=spread(0.10, 0.20),
        pitch=spread(0.04, 0.1),
        roll=spread(5.5, 16.0),
    )
