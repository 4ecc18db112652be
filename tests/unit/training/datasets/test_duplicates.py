"""Of groups of copies, which images go."""

import numpy as np

from training.datasets.cleaning.duplicates import drop_later, exact_duplicates
from training.datasets.likeness.pairs import Pair


def test_of_a_chain_only_what_resembles_a_kept_image_goes() -> None:
    chain = [Pair(0, 1, 4, False), Pair(1, 2, 4, False), Pair(2, 3, 4, False)]
    assert {k: v.earlier for k, v in drop_later(iter(chain)).items()} == {1: 0, 3: 2}


def test_the_nearest_kept_image_is_named() -> None:
    pairs = [Pair(0, 2, 5, False), Pair(1, 2, 3, True)]
    assert drop_later(iter(pairs)) == {2: Pair(1, 2, 3, True)}


def test_exact_duplicates_point_to_the_first() -> None:
    keys = np.array([b"a", b"b", b"a", b"c", b"a", b"b"])
    assert exact_duplicates(keys) == {2: 0, 4: 0, 5: 1}
