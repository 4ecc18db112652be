"""Sizes and places of one face, in head coordinates.

The picture is 512 units wide. Head coordinates have their origin between the temples, x to the
right and y down; the head's tilt, scale and place in the picture come on top (see `face`).
Features lie on a face plane, u in [-1, 1] from temple to temple, which turns with the yaw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.datasets.procedural.attributes import Attributes, Stream, stream

SIZES = (16, 32, 64, 128, 256, 512)
"""Pixels a side in which a picture can be had."""

CANVAS = 512.0
ORIGIN = (256.0, 300.0)
"""Where the head's origin lies in an unmoved picture."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Lengths in units of the 512-unit picture."""

    half_width: float
    chin: float
    jaw: float
    """0 is a narrow jaw, 1 a full one."""
    eye_y: float
    eye_u: float
    eye_width: float
    """Half the width of an eye."""
    eye_height: float
    """Half the height of an open eye."""
    eye_tilt: float
    """Degrees; positive lifts the outer corners."""
    iris: float
    """Width of the iris as a fraction of the eye's."""
    gaze: float
    line: float
    """Width of an outline."""
    volume: float
    """Half the width of the hair as a fraction of the face's."""
    parting: float
    """Place of the parting on the face plane."""
    light_side: int
    """-1: light falls from the left, +1: from the right."""
    softness: float
    yaw: float
    scale: float
    shift_x: float
    shift_y: float

    def x_at(self, u: float) -> float:
        """Where a point of the face plane lies after the turn of the head."""
        return self.half_width * math.sin(u + self.yaw) / math.sin(1.0)

    def squeeze(self, u: float) -> float:
        """How much narrower a feature at u looks after the turn of the head."""
        return math.cos(u + self.yaw) / math.cos(u)

    @property
    def turn(self) -> float:
        """How far the middle of the face moves sideways."""
        return self.x_at(0.0)

    @property
    def hair_x(self) -> float:
        """Middle of the hair: the back of the head moves against the face."""
        return -0.16 * self.turn

    @property
    def hair_half_width(self) -> float:
        """Half the width of the hair on the skull."""
        return self.half_width * self.volume

    @property
    def hair_top(self) -> float:
        """y of the top of the hair."""
        return -1.20 * self.hair_half_width

    def dome(self, angle: float, scale: float = 1.0) -> tuple[float, float]:
        """Point on the outline of the hair; angle 0 is the top, +-pi/2 the sides."""
        # Fuller than an ellipse: a plain one makes an egg of the head.
        rise = math.copysign(abs(math.cos(angle)) ** 0.90, math.cos(angle))
        reach = math.copysign(abs(math.sin(angle)) ** 0.90, math.sin(angle))
        x = self.hair_x + self.hair_half_width * reach * scale
        return x, self.hair_top * rise * scale

    @property
    def crown(self) -> tuple[float, float]:
        """Where the hair parts on top."""
        return self.hair_x + 0.35 * self.parting * self.half_width, 0.93 * self.hair_top


def choose(seed: int, attributes: Attributes) -> Geometry:
    """The sizes of one face."""
    rng = stream(seed, Stream.GEOMETRY)

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    half_width = between(142, 158)
    nod = 60.0 * attributes.pitch
    return Geometry(
        half_width=half_width,
        chin=between(165, 182) + 0.5 * nod,
        jaw=between(0, 1),
        eye_y=between(-2, 18) + nod,
        eye_u=between(0.44, 0.50),
        eye_width=between(42, 51),
        eye_height=between(40, 56),
        eye_tilt=between(-4, 8),
        iris=between(0.64, 0.76),
        gaze=float(rng.normal(0, 0.05)),
        line=between(2.8, 4.4),
        volume=between(1.10, 1.22),
        parting=between(-0.38, 0.38),
        light_side=1 if rng.random() < 0.5 else -1,
        softness=between(0, 1),
        yaw=attributes.yaw,
        scale=between(0.99, 1.27),
        shift_x=float(rng.normal(0, 8)) - 0.12 * half_width * attributes.yaw,
        shift_y=float(rng.normal(-4, 8)),
    )
