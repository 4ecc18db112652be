"""From where on images count as copies of each other; commands show it without loading the rest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Likeness:
    """From where on images count as nearly the same."""

    blank: float = 4.0
    """Standard deviation of a channel's levels (of 255): an image is blank, and like none, if no
    channel has as much."""
    phash: int = 10
    """Bits of 64 by which the pHashes may differ."""
    difference: float = 0.2
    """By which the thumbnails may differ, in deviations of the levels."""
    sure: float = 0.1
    """If they differ by more than this, the copy detector must assent, where it can judge."""
    assent: float = 0.75
    """Cosine of the detector's embeddings from which it does."""
    cosine: float = 0.91
    """Of the copy detector's embeddings at least; docs/training/datasets.md has what it finds."""
    moved: float = 0.5
    """By which the thumbnails may differ then: what was moved or turned a little still agrees."""
