"""The way of one picture from its source to images and labels; runs in workers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from training.datasets.faces import Box, FaceDetector
from training.datasets.growing import Skipped
from training.datasets.importing.decode import DEFAULT_MAX_PIXELS, decode
from training.datasets.importing.framing import Framing, around_face, centre_square, cut
from training.datasets.importing.source import Entry, Source, UnusablePictureError
from training.datasets.manifest import Labels


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """Cut out faces instead of the picture's middle."""

    margin: float = 0.25
    """Share of the face's side that is added on each side."""
    every: bool = False
    """All faces of a picture, not the largest only."""
    detector: FaceDetector = field(default_factory=FaceDetector)

    def describe(self) -> dict[str, Any]:
        """What the manifest says."""
        return {"margin": self.margin, "every": self.every, **self.detector.describe()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what becomes of a picture; picklable."""

    source: Source
    framing: Framing
    faces: FaceCrop | None = None
    """None: the square in the picture's middle."""
    max_pixels: int = DEFAULT_MAX_PIXELS

    def describe(self) -> dict[str, Any]:
        """What the manifest says about where the images come from."""
        return {
            **self.source.describe(),
            "framing": self.framing.describe(),
            "faces": self.faces.describe() if self.faces else None,
            "max_pixels": self.max_pixels,
        }


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of one picture."""

    images: Sequence[np.ndarray]
    """uint8 [size, size, channels] each."""
    labels: Sequence[Labels]
    skipped: Sequence[Skipped]
    side: int = 0
    """The picture's shorter one, in pixels; 0 where it could not be decoded."""


@dataclass(frozen=True, slots=True)
class Converter:
    """Converts pictures by one recipe."""

    recipe: Recipe

    def __call__(self, entries: Sequence[Entry]) -> list[Converted]:
        """Convert some pictures, in their order."""
        return [self.convert(entry) for entry in entries]

    def convert(self, entry: Entry) -> Converted:
        """Convert one picture; whatever is wrong with it is reported, not raised."""
        sha256 = None
        try:
            content = self.recipe.source.read(entry)
            sha256 = hashlib.sha256(content).hexdigest()
            image = decode(content, self.recipe.max_pixels)
            squares = self._squares(image)
        except UnusablePictureError as error:
            return Converted([], [], [Skipped(entry.id, str(error), sha256)])
        return self._cut_all(image, squares, {"id": entry.id, "sha256": sha256, **entry.facts})

    def _squares(self, image: Image.Image) -> list[tuple[Box, Labels]]:
        """The squares to cut out, and what the label says about each."""
        crop = self.recipe.faces
        if crop is None:
            return [(centre_square(*image.size), {})]
        faces = crop.detector.find(np.asarray(image))
        if not faces:
            raise UnusablePictureError("no face found")
        chosen = faces if crop.every else faces[:1]
        return [
            (around_face(face, crop.margin, *image.size), {"face": list(face)}) for face in chosen
        ]

    def _cut_all(
        self, image: Image.Image, squares: list[tuple[Box, Labels]], label: Labels
    ) -> Converted:
        images, labels, skipped = [], [], []
        for square, more in squares:
            try:
                images.append(cut(image, square, self.recipe.framing))
                labels.append(label | more)
            except UnusablePictureError as error:
                skipped.append(Skipped(label["id"], str(error), label["sha256"]))
        return Converted(images, labels, skipped, min(image.size))
