"""What the cleaner wants to know of each image by itself; runs on all cores."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import cv2
import imagehash
import numpy as np
from PIL import Image

from animegan_client.progress import ProgressBar
from training.datasets.faces import FaceDetector
from training.datasets.ordered import ordered_map
from training.datasets.reader import Dataset
from training.datasets.splitting import pixel_key

CHUNK = 64
THUMBNAIL = 16
"""Pixels a side of the thumbnails that confirm near duplicates."""
CERTAIN = 65535
"""Votes for a face that the first look finds."""
TRAITS = np.dtype(
    [
        ("pixels", "S64"),  # sha256 in hexadecimal digits
        ("phash", "u8"),
        ("phash_mirrored", "u8"),
        ("thumbnail", "u1", (THUMBNAIL, THUMBNAIL, 3)),
        ("deviation", "f4"),  # of the levels
        ("face_votes", "u2"),  # see FaceCheck
    ]
)


@dataclass(frozen=True, slots=True)
class FaceCheck:
    """How sure the cascade is that an image shows a face, which may fill all of it.

    The cascade knows faces with some surroundings. It finds most cut-out faces as they are; the
    others only when the image is enlarged and its edge continued. That takes ten times as long, so
    it is a second look, whose windows are counted: few of them agree on what is no face.
    """

    side: int = 128
    """Pixels to which an image is enlarged for the second look."""
    border: float = 0.25
    """Share of the side by which the edge is continued on each side."""
    first: FaceDetector = field(default_factory=FaceDetector)
    second: FaceDetector = field(
        default_factory=partial(FaceDetector, scale_factor=1.05, min_face=48)
    )

    def __call__(self, image_HWC: np.ndarray) -> int:
        """Windows that agree on a face; `CERTAIN` where the first look finds one.

        Args:
            image_HWC: uint8 [H, H, C], C being 1 or 3.
        """
        return CERTAIN if self.first.find(image_HWC) else self.second.votes(self._framed(image_HWC))

    def _framed(self, image_HWC: np.ndarray) -> np.ndarray:
        height, _, channels = image_HWC.shape
        scale = max(1, round(self.side / height))
        large = cv2.resize(image_HWC, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        edge = round(self.border * height * scale)
        framed = cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        return framed.reshape(*framed.shape[:2], channels)


def examine(dataset: Dataset, workers: int) -> np.ndarray:
    """Look at every image, with a progress bar.

    Returns:
        `TRAITS` [N].
    """
    starts = range(0, len(dataset), CHUNK)
    traits = np.empty(len(dataset), TRAITS)
    with ProgressBar(total=len(dataset), unit="image", desc="examining") as bar:
        parts = ordered_map(partial(_examine_chunk, dataset), starts, workers)
        for first, part in zip(starts, parts, strict=True):
            traits[first : first + len(part)] = part
            bar.update(len(part))
    return traits


def _examine_chunk(dataset: Dataset, first: int) -> np.ndarray:
    images_NHWC = dataset.images_NHWC[first : first + CHUNK]
    return np.array([_examine(image) for image in images_NHWC], TRAITS)


def _examine(image_HWC: np.ndarray) -> tuple[object, ...]:
    picture = Image.fromarray(image_HWC.squeeze())
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return (
        pixel_key(image_HWC).encode(),
        _packed(imagehash.phash(picture)),
        _packed(imagehash.phash(mirrored)),
        np.asarray(picture.convert("RGB").resize((THUMBNAIL,) * 2, Image.Resampling.BOX)),
        image_HWC.std(),
        FaceCheck()(image_HWC),
    )


def _packed(found: imagehash.ImageHash) -> int:
    """The 64 bits of a hash as one integer."""
    return int.from_bytes(np.packbits(found.hash).tobytes())
