"""The pictures that a page shows."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from animegan_search.ssim.index import Index
from training.audit.judged import Audit
from training.audit.subjects import Subjects

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Album:
    """Pictures, uint8 [H, W, C].

    Attributes:
        subjects: by their places, the closest first.
        references: training images by their ids.
    """

    subjects: Mapping[int, Picture]
    references: Mapping[int, Picture]


def gather(audit: Audit, subjects: Subjects, index: Index, most: int) -> Album:
    """Fetch the subjects that are closest to a training image, and their nearest images.

    Args:
        audit: what was found.
        subjects: that were audited.
        index: in which they were searched.
        most: subjects to show.
    """
    places = audit.closest_first[:most]
    shown = [audit.judged[place].measured for place in places]
    found = [one.ids for one in shown] + [one.copies.ids for one in shown if one.copies]
    ids = np.unique(np.concatenate(found))
    drawn, stored = subjects[np.array(places)], index.images(ids)
    return Album(
        dict(zip(places, drawn, strict=True)), dict(zip(ids.tolist(), stored, strict=True))
    )


def data_url(picture: Picture) -> str:
    """A picture as a PNG inside a page."""
    buffer = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
