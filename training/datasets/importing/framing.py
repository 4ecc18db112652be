"""Cuts the square out of a picture that becomes the image."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from training.datasets.faces import Box
from training.datasets.importing.source import UnusablePictureError


@dataclass(frozen=True, slots=True)
class Framing:
    """How a square of a picture becomes an image."""

    size: int
    """Pixels a side."""
    grey: bool = False
    """One channel instead of three."""
    upscale: bool = False
    """Also enlarge what is smaller than `size`."""

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return 1 if self.grey else 3

    def describe(self) -> dict[str, Any]:
        """What the manifest says."""
        return asdict(self) | {"filter": "lanczos"}


def centre_square(width: int, height: int) -> Box:
    """The largest square in the middle of a picture: its side is the shorter side."""
    side = min(width, height)
    return Box((width - side) // 2, (height - side) // 2, side, side)


def around_face(face: Box, margin: float, width: int, height: int) -> Box:
    """A square around a face.

    Args:
        face: As detected.
        margin: Share of the face's larger side that is added on each side.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.

    Returns:
        The square, moved into the picture, and no larger than the picture's shorter side: nothing
        is ever padded.
    """
    side = round(max(face.width, face.height) * (1 + 2 * margin))
    side = min(side, width, height)
    x = round(face.x + face.width / 2 - side / 2)
    y = round(face.y + face.height / 2 - side / 2)
    return Box(min(max(x, 0), width - side), min(max(y, 0), height - side), side, side)


def cut(image: Image.Image, square: Box, framing: Framing) -> np.ndarray:
    """Cut a square and resize it by Lanczos' filter with antialiasing.

    Args:
        image: Mode RGB.
        square: Within the image.
        framing: Size and channels.

    Returns:
        uint8 [size, size, channels].

    Raises:
        UnusablePictureError: the square is smaller than the image is to be.
    """
    if square.width < framing.size and not framing.upscale:
        raise UnusablePictureError(
            f"{square.width} px a side are fewer than {framing.size} (--upscale would enlarge it)"
        )
    part = image.crop((square.x, square.y, square.x + square.width, square.y + square.height))
    if square.width != framing.size:
        part = part.resize((framing.size, framing.size), Image.Resampling.LANCZOS)
    if framing.grey:
        return np.asarray(part.convert("L"))[:, :, None]
    return np.asarray(part)
