"""Whether held-out images are copies of those that a model was trained on, or an index holds.

A model has seen such images, so they are no measure of what it does with unseen ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.datasets.likeness.limits import Likeness
from training.datasets.likeness.looks import Looks
from training.datasets.likeness.pairs import Pair, pairs_between

LIMITS = Likeness()
TOLERATED = 0.002
"""Share of held-out images that may look like others by chance; more is no chance."""


class OverlapError(ValueError):
    """Held-out images are copies of images that were seen; the message says how many."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many held-out images are copies of images that were seen, or nearly.

    Attributes:
        heldout: name of the held-out images.
        seen: name of the others.
        copies: held-out images that are copies.
        count: all held-out images.
    """

    heldout: str
    seen: str
    copies: int
    count: int

    @property
    def share(self) -> float:
        """Of the held-out images, 0 to 1."""
        return self.copies / self.count

    def __str__(self) -> str:
        """The finding in words."""
        return (
            f"{self.copies:,} of {self.count:,} images of {self.heldout} ({self.share:.1%}) are "
            f"images of {self.seen}, or nearly"
        )

    def refuse(self, remedy: str = "") -> None:
        """See that no more images are shared than look alike by chance.

        Args:
            remedy: what else can be done than to clean the held-out images.

        Raises:
            OverlapError: more are.
        """
        if self.share > TOLERATED:
            raise OverlapError(
                f"{self}: they were not unseen. Leave them out: `anime-gan dataset clean HELDOUT "
                f"--against TRAINING --no-features --report DIR --apply --out DIR`{remedy}"
            )


def copies_of(seen: Looks, heldout: Looks, limits: Likeness = LIMITS) -> Mapping[int, Pair]:
    """Held-out images that are copies of others, or nearly, each with its closest original.

    Returns:
        By the held-out image; `Pair.earlier` is the original's place among those seen.
    """
    first = {key: place for place, key in reversed(list(enumerate(seen.pixels.tolist())))}
    found = {
        place: Pair(first[key], place, 0, mirrored=False)
        for place, key in enumerate(heldout.pixels.tolist())
        if key in first
    }
    others = np.array([n for n in range(len(heldout)) if n not in found], np.int64)
    near = sorted(pairs_between(seen, heldout.take(others), limits), key=lambda pair: pair.order)
    for pair in near:
        place = int(others[pair.later])
        original = Pair(pair.earlier, place, pair.distance, pair.mirrored, pair.cosine)
        found.setdefault(place, original)
    return found


def overlap(heldout: tuple[str, Looks], seen: tuple[str, Looks]) -> Overlap:
    """Count the held-out images that are copies, or nearly, of those seen; each with its name."""
    copies = copies_of(seen[1], heldout[1])
    return Overlap(heldout[0], seen[0], len(copies), len(heldout[1]))
