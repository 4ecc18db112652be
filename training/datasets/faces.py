"""Finds anime faces by nagadomi's cascade of local binary patterns.

The cascade (`cascade/lbpcascade_animeface.xml`, MIT) is run by OpenCV: Liao et al., Learning
Multi-scale Block Local Binary Patterns for Face Recognition, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

CASCADE = Path(__file__).parent / "cascade" / "lbpcascade_animeface.xml"
WINDOW = 24
"""Pixels a side of the smallest face that the cascade knows."""


class Box(NamedTuple):
    """A rectangle in a picture, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FaceDetector:
    """Finds faces; deterministic, one thread."""

    scale_factor: float = 1.1
    """Ratio of the sizes of face that are tried one after the other."""
    min_neighbors: int = 5
    """Detections that must agree."""
    min_face: int = WINDOW
    """Pixels a side of the smallest face to find."""

    def describe(self) -> dict[str, Any]:
        """What a manifest says."""
        return {
            "detector": CASCADE.stem,
            "scale_factor": self.scale_factor,
            "min_neighbors": self.min_neighbors,
            "min_face": self.min_face,
        }

    def find(self, image_HWC: np.ndarray) -> list[Box]:
        """Find the faces of a picture, the largest first.

        Args:
            image_HWC: uint8 [H, W, 3] RGB or [H, W, 1] grey.
        """
        found = _cascade().detectMultiScale(
            _equalised(image_HWC),
            scaleFactor=self.scale_factor,
            minNeighbors=self.min_neighbors,
            minSize=(self.min_face, self.min_face),
        )
        boxes = [Box(*(int(number) for number in box)) for box in found]
        return sorted(boxes, key=lambda box: (-box.width * box.height, box))

    def votes(self, image_HWC: np.ndarray) -> int:
        """How many windows agree on the likeliest face; 0 where no two of them do.

        Args:
            image_HWC: As for `find`.
        """
        _, windows = _cascade().detectMultiScale2(
            _equalised(image_HWC),
            scaleFactor=self.scale_factor,
            minNeighbors=1,
            minSize=(self.min_face, self.min_face),
        )
        return int(max(windows, default=0))


def _equalised(image_HWC: np.ndarray) -> np.ndarray:
    if image_HWC.shape[2] == 3:
        return cv2.equalizeHist(cv2.cvtColor(image_HWC, cv2.COLOR_RGB2GRAY))
    return cv2.equalizeHist(image_HWC[:, :, 0])


@lru_cache(maxsize=1)
def _cascade() -> cv2.CascadeClassifier:
    cv2.setNumThreads(1)  # the pool has a process per core, and threads change the order of boxes
    return cv2.CascadeClassifier(str(CASCADE))
