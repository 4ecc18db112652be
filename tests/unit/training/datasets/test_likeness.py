"""Likeness: planted copies are found and nothing else; groups; what two sets share."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from random import Random

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from tests.requires import require_renderer
from tests.unit.search.ssim.index.material import noise
from tests.unit.training.datasets.pictures import jpeg, mirrored, pixels
from training.datasets.cleaning.findings import AGAINST, NEAR, Thresholds, find
from training.datasets.likeness import looks as looking
from training.datasets.likeness.groups import joined
from training.datasets.likeness.limits import Likeness
from training.datasets.likeness.looks import Looks, look
from training.datasets.likeness.overlap import Overlap, OverlapError, copies_of
from training.datasets.likeness.pairs import COLUMNS, ROWS, Pair, near_pairs, pairs_between
from training.datasets.procedural import render
from training.datasets.splitting import sides

LIMITS = Likeness()
FACES = 24
Change = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def faces() -> list[np.ndarray]:
    require_renderer()
    return [render(seed, 64) for seed in range(FACES)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("looks")


def looks_of(images: list[np.ndarray], cache: Path) -> Looks:
    stacked = np.stack(images)
    return look(stacked, "test", cache, str(hash(stacked.tobytes())))


def through_half_size(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image).resize((32, 32), Image.Resampling.LANCZOS)
    return np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC))


def brighter(image: np.ndarray) -> np.ndarray:
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(1.15))


def shifted(image: np.ndarray) -> np.ndarray:
    return np.pad(image, ((0, 0), (2, 0), (0, 0)), mode="edge")[:, :-2]


def turned(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).rotate(5, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("change", [jpeg, through_half_size, brighter, shifted, turned, mirrored])
def test_planted_copies_are_found_and_nothing_else(
    faces: list[np.ndarray], cache: Path, change: Change
) -> None:
    copies = [change(face) for face in faces]
    pairs = list(near_pairs(looks_of(faces + copies, cache), LIMITS))
    found = {(pair.earlier, pair.later) for pair in pairs}
    planted = {(n, FACES + n) for n in range(FACES)}
    assert found <= planted
    assert len(found) >= 0.9 * FACES
    assert {pair.mirrored for pair in pairs if pair.cosine is None} <= {change is mirrored}


@pytest.mark.parametrize("change", [shifted, turned])
def test_what_was_moved_is_seen_by_the_detector_alone(
    faces: list[np.ndarray], cache: Path, change: Change
) -> None:
    looks = looks_of(faces + [change(face) for face in faces], cache)
    found = list(near_pairs(looks, LIMITS))
    hashes = {pair.later for pair in found if pair.cosine is None}
    assert len(hashes) < FACES / 2 < 0.9 * FACES <= len({pair.later for pair in found})


def test_strangers_are_no_copies(faces: list[np.ndarray], cache: Path) -> None:
    """Noise, too, which the detector alone takes for copies: it was never trained on any."""
    looks = looks_of(list(noise(30, seed=0, size=64)), cache)
    cosine = looks.embeddings @ looks.embeddings.T
    assert (cosine[~np.eye(30, dtype=bool)] >= LIMITS.cosine).any()
    assert list(near_pairs(looks, LIMITS)) == []
    assert list(near_pairs(looks_of(faces, cache), LIMITS)) == []


def test_blank_images_are_like_none(cache: Path) -> None:
    colours = (10, 11, 12, (255, 0, 0), (254, 0, 0))
    blank = [np.full((64, 64, 3), colour, np.uint8) for colour in colours]
    looks = looks_of(blank, cache)
    assert (looks.deviation == 0).all() and (looks.correlation == 1).all()
    assert list(near_pairs(looks, LIMITS)) == []


def test_noise_is_told_from_pictures(faces: list[np.ndarray], cache: Path) -> None:
    """Also noise that was reduced from a larger picture, or compressed."""
    plain = [pixels(seed, 64, 64) for seed in range(10)]
    large = [Image.fromarray(pixels(seed, 200, 200)) for seed in range(10)]
    reduced = [np.asarray(each.resize((64, 64), Image.Resampling.LANCZOS)) for each in large]
    limit = Thresholds().noise
    for images in (plain, reduced, [jpeg(each) for each in plain]):
        assert looks_of(images, cache).correlation.max() < limit - 0.2
    assert looks_of(faces, cache).correlation.min() > limit + 0.1


def test_the_correlation_of_neighbours_is_numpys(cache: Path) -> None:
    image = jpeg(pixels(0, 64, 64))[:, :, :1]
    pairs = (image[:, :-1], image[:, 1:]), (image[:-1], image[1:])
    expected = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs]
    found = looks_of([image], cache).correlation[0]
    assert found == pytest.approx(np.mean(expected), abs=0.005)


def test_the_detector_does_not_judge_what_it_was_not_made_for(cache: Path) -> None:
    assert looks_of(list(noise(3, seed=0, size=32)), cache).embeddings.shape == (3, 0)
    assert looks_of(list(noise(3, seed=0, channels=1, size=64)), cache).embeddings.shape == (3, 0)
    assert looks_of(list(noise(3, seed=0, size=128)), cache).embeddings.shape == (3, 128)


def test_the_hashes_are_imagehashs(faces: list[np.ndarray], cache: Path) -> None:
    looks = looks_of(faces[:2], cache)
    one, other = (Image.fromarray(face) for face in faces[:2])
    flipped = imagehash.phash(one.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    straight = imagehash.phash(one), imagehash.phash(other)
    assert np.bitwise_count(looks.phash[0] ^ looks.phash[1]) == straight[0] - straight[1]
    assert np.bitwise_count(looks.phash_mirrored[0] ^ looks.phash[1]) == flipped - straight[1]


def test_images_are_looked_at_once(
    cache: Path, faces: list[np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = looks_of(faces[:4], tmp_path)
    (file,) = tmp_path.glob("looks-*.npz")
    with monkeypatch.context() as patch:
        patch.setattr(looking, "_look", lambda *_: pytest.fail("looked again"))
        again = looks_of(faces[:4], tmp_path)
    assert (again.phash == first.phash).all() and (again.embeddings == first.embeddings).all()
    file.write_bytes(file.read_bytes()[:100])  # cut short
    assert (looks_of(faces[:4], tmp_path).phash == first.phash).all()


def plain(hashes: list[int], mirrored_by: int = 0) -> Looks:
    """Looks that differ in their hashes alone."""
    count = len(hashes)
    phash = np.array(hashes, np.uint64)
    return Looks(
        pixels=np.array([f"{n}" for n in range(count)], "S64"),
        phash=phash,
        phash_mirrored=phash ^ np.uint64(mirrored_by),
        thumbnails=np.zeros((count, 16, 16, 3), np.uint8),
        deviation=np.full(count, 50, np.float32),
        correlation=np.ones(count, np.float32),
        embeddings=np.zeros((count, 0), np.float32),
    )


HASHES = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8)


@given(HASHES, st.data())
def test_pairs_are_those_of_a_plain_double_loop(hashes: list[int], data: st.DataObject) -> None:
    """Seeded with neighbours of the hashes, so that near pairs occur."""
    values = hashes + [hashes[0] ^ (1 << data.draw(st.integers(0, 63))) for _ in range(3)]
    looks, limits = plain(values, 0xFFFF), Likeness(phash=20)
    every = {
        Pair(i, j, bits, flipped)
        for i, one in enumerate(values)
        for j, other in enumerate(values)
        for flip, flipped in ((0, False), (0xFFFF, True))
        if (bits := (one ^ flip ^ other).bit_count()) <= 20
    }
    assert set(near_pairs(looks, limits)) == {pair for pair in every if pair.earlier < pair.later}
    assert set(pairs_between(looks, looks, limits)) == every


def test_blocks_join_without_a_seam() -> None:
    rng = np.random.default_rng(0)
    count = COLUMNS + ROWS + 9
    hashes = rng.integers(0, 2**64, count, np.uint64)
    same = [3, ROWS - 1, ROWS, COLUMNS - 1, COLUMNS, count - 1]
    hashes[same] = hashes[3]
    looks, limits = plain(hashes.tolist(), 2**64 - 1), Likeness(phash=0)
    found = {(pair.earlier, pair.later) for pair in near_pairs(looks, limits)}
    assert found == {(one, other) for one in same for other in same if one < other}
    between = {(pair.earlier, pair.later) for pair in pairs_between(looks, looks, limits)}
    assert len(between) == count + len(same) * (len(same) - 1)


@pytest.mark.parametrize(
    ("difference", "cosine", "alike"),
    [
        (0.05, 0.0, True),  # the thumbnails leave no doubt
        (0.15, 0.7, False),  # a rendered stranger
        (0.15, 0.8, True),
        (0.15, None, True),  # nobody to ask
        (0.25, 0.9, False),
        (0.25, 0.92, True),  # moved
        (0.6, 0.92, False),  # noise
    ],
)
def test_thumbnails_and_detector_decide_together(
    difference: float, cosine: float | None, alike: bool
) -> None:
    looks = plain([0, 0], mirrored_by=2**64 - 1)
    # Half of the levels at 100, half at 200; some of the second image's are swapped.
    levels = np.repeat(np.array([100, 200], np.uint8), 128 * 3)
    swapped = round(difference / 2 / 2 * len(levels))  # two deviations each, of both halves
    other = levels.copy()
    other[:swapped], other[-swapped:] = 200, 100
    looks.thumbnails[:] = np.stack([levels, other]).reshape(2, 16, 16, 3)
    if cosine is not None:
        vectors = np.array([[1, 0], [cosine, (1 - cosine**2) ** 0.5]], np.float32)
        looks = dataclasses.replace(looks, embeddings=vectors)
    assert bool(list(near_pairs(looks, LIMITS))) == alike


def test_an_image_that_only_resembles_one_that_goes_stays() -> None:
    """Eight bits lead from the other dataset's image to the first, eight more to the second."""
    looks, other = plain([0xFF, 0xFFFF], 2**64 - 1), plain([0], 2**64 - 1)
    other.pixels[:] = b"other"
    found = find(looks, None, other, Thresholds())
    assert [(one.index, one.reason, one.like) for one in found] == [(0, AGAINST, 0)]
    assert [(one.index, one.reason) for one in find(looks, None, None, Thresholds())] == [(1, NEAR)]


LINKS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(LINKS, st.randoms())
def test_groups_are_the_connected_parts_in_any_order(
    links: list[tuple[int, int]], random: Random
) -> None:
    groups = joined(20, links)
    reached = np.eye(20, dtype=bool)
    for one, other in links:
        reached[one, other] = reached[other, one] = True
    for _ in range(5):  # paths of up to 32 steps
        reached = reached @ reached
    assert ((groups[:, None] == groups) == reached).all()
    assert (groups == [np.flatnonzero(row)[0] for row in reached]).all()
    shuffled = [link[::-1] for link in random.sample(links, len(links))]
    assert (joined(20, shuffled) == groups).all()


PICTURES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8), st.integers(0, 12)), min_size=1, max_size=25
)


@given(PICTURES, st.floats(0.05, 0.95), st.randoms())
def test_no_group_falls_on_both_sides(
    pictures: list[tuple[int, int, int]], share: float, random: Random
) -> None:
    """Files, pixels and hashes at random: who is linked in any way is on one side, in any order."""

    def heldout(order: list[int]) -> set[int]:
        chosen = [pictures[n] for n in order]
        # Hashes a step of 6 bits apart: neighbours are alike, those farther off are not.
        looks = plain([(1 << 6 * step) - 1 for _, step, _ in chosen], 2**64 - 1)
        looks.pixels[:] = [f"{key:064x}" for key, _, _ in chosen]
        labels = [{"sha256": f"{file:064x}"} if file else {} for _, _, file in chosen]
        found = sides(looks, labels, LIMITS, share, "")
        assert sorted([*found.train, *found.heldout]) == list(range(len(order)))
        return {order[place] for place in found.heldout.tolist()}

    held = heldout(list(range(len(pictures))))
    # Of equal pixels one is looked at for near duplicates, as equal pixels have equal hashes.
    steps = {key: step for key, step, _ in reversed(pictures)}
    for i, (key, _, file) in enumerate(pictures):
        for j, (other_key, _, other_file) in enumerate(pictures):
            near = abs(steps[key] - steps[other_key]) <= 1
            if key == other_key or (file and file == other_file) or near:
                assert (i in held) == (j in held)
    pictures = [(key, steps[key], file) for key, _, file in pictures]
    assert heldout(random.sample(range(len(pictures)), len(pictures))) == held


def test_what_two_sets_share(faces: list[np.ndarray], cache: Path) -> None:
    seen, unseen = faces[:12], faces[12:]
    heldout = [*unseen[:5], seen[3], mirrored(seen[4]), jpeg(seen[5]), shifted(seen[6])]
    blank = np.full((64, 64, 3), 200, np.uint8)
    found = copies_of(looks_of([*seen, blank], cache), looks_of([*heldout, blank], cache), LIMITS)
    assert {place: pair.earlier for place, pair in found.items()} == {5: 3, 6: 4, 7: 5, 8: 6, 9: 12}
    assert found[6].mirrored and "cosine" in found[8].how


def test_an_overlap_is_refused_with_share_and_remedy() -> None:
    Overlap("heldout", "training", 4, 2000).refuse()  # strangers may look alike
    with pytest.raises(OverlapError, match="5 of 2,000"):
        Overlap("heldout", "training", 5, 2000).refuse()
    with pytest.raises(OverlapError, match=r"301 of 2,000 images of heldout \(15\.0%\)") as refused:
        Overlap("heldout", "training", 301, 2000).refuse("; or not")
    assert "dataset clean HELDOUT --against TRAINING" in str(refused.value)
    assert str(refused.value).endswith("; or not")
