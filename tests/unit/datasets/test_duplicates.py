"""Duplicates: planted ones are found, and nothing else."""

import io

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from tests.requires import require_renderer
from training.datasets.cleaning.duplicates import (
    Pair,
    drop_later,
    exact_duplicates,
    near_pairs,
)
from training.datasets.cleaning.examine import TRAITS, _examine
from training.datasets.cleaning.findings import Thresholds
from training.datasets.procedural import render

LIMITS = Thresholds()
FACES = 24


@pytest.fixture(scope="module")
def faces() -> list[np.ndarray]:
    require_renderer()
    return [render(seed, 64) for seed in range(FACES)]


def traits_of(images: list[np.ndarray]) -> np.ndarray:
    return np.array([_examine(image) for image in images], TRAITS)


def jpeg(image: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=50)
    return np.asarray(Image.open(buffer))


def through_half_size(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image).resize((32, 32), Image.Resampling.LANCZOS)
    return np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC))


def brighter(image: np.ndarray) -> np.ndarray:
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(1.15))


def shifted(image: np.ndarray) -> np.ndarray:
    return np.pad(image, ((0, 0), (1, 0), (0, 0)), mode="edge")[:, :-1]


def mirrored(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[:, ::-1])


@pytest.mark.parametrize("change", [jpeg, through_half_size, brighter, shifted, mirrored])
def test_planted_near_duplicates_are_found(faces: list[np.ndarray], change: object) -> None:
    copies = [change(face) for face in faces]  # type: ignore[operator]
    pairs = near_pairs(traits_of(faces + copies), LIMITS.phash, LIMITS.difference)
    dropped = drop_later(pairs)
    found = [FACES + n in dropped and dropped[FACES + n].earlier == n for n in range(FACES)]
    assert np.mean(found) >= 0.9
    assert all(index >= FACES for index in dropped)
    assert all(pair.mirrored == (change is mirrored) for pair in dropped.values())


def test_different_faces_are_no_duplicates(faces: list[np.ndarray]) -> None:
    assert list(near_pairs(traits_of(faces), LIMITS.phash, LIMITS.difference)) == []


HASHES = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8)


@given(HASHES, st.data())
def test_pairs_are_those_of_a_plain_double_loop(hashes: list[int], data: st.DataObject) -> None:
    """Seeded with neighbours of the hashes, so that near pairs occur."""
    near = [hashes[0] ^ (1 << data.draw(st.integers(0, 63))) for _ in range(3)]
    values = hashes + near
    traits = np.zeros(len(values), TRAITS)
    traits["phash"] = values
    traits["phash_mirrored"] = traits["phash"] ^ np.uint64(0xFFFF)
    expected = set()
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            for name, flipped in (("phash", False), ("phash_mirrored", True)):
                bits = (int(traits["phash"][j]) ^ int(traits[name][i])).bit_count()
                if bits <= 20:
                    expected.add(Pair(i, j, bits, flipped))
    assert set(near_pairs(traits, 20, 0)) == expected


def test_blocks_join_without_a_seam() -> None:
    traits = np.zeros(600, TRAITS)
    rng = np.random.default_rng(0)
    for name in ("phash", "phash_mirrored"):
        traits[name] = rng.integers(0, 2**64, 600, np.uint64)
    traits["phash"][[255, 256, 599]] = traits["phash"][3]
    found = {(pair.earlier, pair.later) for pair in near_pairs(traits, 0, 0)}
    assert found == {(3, 255), (3, 256), (3, 599), (255, 256), (255, 599), (256, 599)}


def test_the_hashes_are_imagehashs(faces: list[np.ndarray]) -> None:
    traits = traits_of(faces[:2])
    distance = int(np.bitwise_count(traits["phash"][0] ^ traits["phash"][1]))
    one, other = (imagehash.phash(Image.fromarray(face)) for face in faces[:2])
    assert distance == one - other


def test_of_a_chain_only_what_resembles_a_kept_image_goes() -> None:
    chain = [Pair(0, 1, 4, False), Pair(1, 2, 4, False), Pair(2, 3, 4, False)]
    assert {k: v.earlier for k, v in drop_later(iter(chain)).items()} == {1: 0, 3: 2}


def test_the_nearest_kept_image_is_named() -> None:
    pairs = [Pair(0, 2, 5, False), Pair(1, 2, 3, True)]
    assert drop_later(iter(pairs)) == {2: Pair(1, 2, 3, True)}


def test_exact_duplicates_point_to_the_first() -> None:
    keys = np.array([b"a", b"b", b"a", b"c", b"a", b"b"])
    assert exact_duplicates(keys) == {2: 0, 4: 0, 5: 1}
