"""What every drawing function gets: the pen, and all that is known of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.datasets.procedural.attributes import Attributes, Stream, stream
from training.datasets.procedural.geometry import Geometry
from training.datasets.procedural.palette import Palette
from training.datasets.procedural.pen import Pen

SIDES = (-1, 1)
"""Left and right in the picture."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One face about to be drawn."""

    seed: int
    attributes: Attributes
    palette: Palette
    geometry: Geometry
    pen: Pen

    def rng(self, which: Stream) -> np.random.Generator:
        """A fresh generator of one stream: two calls give the same numbers."""
        return stream(self.seed, which)
