"""Procedural anime faces: pictures with clear rights, and labels for all that they show.

`render` draws a face from a seed; `sample` tells what the seed stands for without drawing. Only
drawing needs Skia, so this package can be imported, and labels sampled, without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.datasets.procedural.attributes import Attributes, sample

if TYPE_CHECKING:
    import numpy as np

RENDERER_VERSION = "1"
"""Part of every rendered dataset's digest.

Raise it with any change that can alter a single byte of any picture or any label: a shape, a
colour, a probability, the order of random draws, or the pinned Skia version. Refactorings that
keep every byte keep the version (`tests/unit/training/datasets/test_procedural.py` holds the
fingerprint).
"""

__all__ = ["RENDERER_VERSION", "Attributes", "render", "sample"]


def render(seed: int, size: int, attributes: Attributes | None = None) -> np.ndarray:
    """Draw the face of a seed; see `training.datasets.procedural.face.render`."""
    from training.datasets.procedural import face

    return face.render(seed, size, attributes)
