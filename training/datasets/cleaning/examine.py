"""Whether each image shows a face; runs on all cores."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np

from animegan_cli.progress import ProgressBar
from training.datasets.faces import FaceDetector
from training.datasets.ordered import ordered_map
from training.datasets.reader import Dataset

CHUNK = 64
CERTAIN = 65535
"""Votes for a face that the first look finds."""


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


def face_votes(dataset: Dataset, workers: int) -> np.ndarray:
    """Look for a face in every image, with a progress bar.

    Returns:
        uint16 [N], see `FaceCheck`.
    """
    starts = range(0, len(dataset), CHUNK)
    votes = np.empty(len(dataset), np.uint16)
    with ProgressBar(total=len(dataset), unit="image", desc="looking for faces") as bar:
        parts = ordered_map(partial(_votes, dataset), starts, workers)
        for first, part in zip(starts, parts, strict=True):
            votes[first : first + len(part)] = part
            bar.update(len(part))
    return votes


def _votes(dataset: Dataset, first: int) -> np.ndarray:
    check = FaceCheck()
    images_NHWC = dataset.images_NHWC[first : first + CHUNK]
    return np.array([check(image) for image in images_NHWC], np.uint16)
