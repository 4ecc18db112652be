"""Joins pairs to groups: two images are in one group if a chain of pairs leads between them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.datasets.likeness.limits import Likeness
from training.datasets.likeness.looks import Looks
from training.datasets.likeness.pairs import near_pairs


def joined(count: int, links: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """The group of each of `count` images, by union-find; named by its smallest member, int64."""
    parents = list(range(count))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    return np.array([root(place) for place in range(count)], np.int64)


def group(looks: Looks, keys: Sequence[str], limits: Likeness) -> NDArray[np.int64]:
    """Put images with equal keys, equal pixels, and near duplicates into groups; as `joined`.

    Args:
        looks: of N images.
        keys: of the same images, such as the checksum of the file that each comes from.
        limits: what near duplicates are.
    """
    # One image of each set of equal ones is enough to look for its near duplicates.
    distinct = np.unique(looks.pixels, return_index=True)[1]
    distinct.sort()
    near = near_pairs(looks.take(distinct), limits)
    links = [
        *_equal(keys),
        *_equal(looks.pixels.tolist()),
        *((int(distinct[pair.earlier]), int(distinct[pair.later])) for pair in near),
    ]
    return joined(len(looks), links)


def _equal(keys: Sequence[Hashable]) -> Iterable[tuple[int, int]]:
    """Each place with the first one of the same key."""
    first: dict[Hashable, int] = {}
    return [(first.setdefault(key, place), place) for place, key in enumerate(keys)]
