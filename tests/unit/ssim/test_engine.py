"""The engine and every back end of this machine against the float64 reference."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from animegan_kernels.search import KERNEL
from animegan_kernels.search.build import runnable
from animegan_ssim.backends import BackendUnavailableError
from animegan_ssim.definition import DEFINITIONS, GAUSSIAN, UNIFORM7, Definition
from animegan_ssim.engine import HISTOGRAM_BINS, Engine, merge
from animegan_ssim.reference import ssim_of_each
from animegan_ssim.tiles import Images, pack
from tests.requires import require_kernels
from tests.unit.ssim.pictures import hard_pictures

BOTH = pytest.mark.parametrize("which", DEFINITIONS.values(), ids=lambda d: d.name)
EVERY_BACKEND = pytest.mark.parametrize("backend", [*runnable(), "numba"])


@pytest.fixture(autouse=True, scope="module")
def kernels() -> None:
    require_kernels(KERNEL)


def engine(images: Images, which: Definition = UNIFORM7, backend: str = "auto") -> Engine:
    return Engine(pack(images), len(images), which, backend=backend, threads=2)


def exact(queries: Images, images: Images, which: Definition) -> np.ndarray:
    return np.stack([ssim_of_each(query, images, which) for query in queries])


def random_pictures(count: int, shape: tuple[int, ...] = (12, 12, 3), seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


@EVERY_BACKEND
@BOTH
@pytest.mark.parametrize("channels", [1, 3])
# One window; an odd number of them; one strip exactly; more than one strip.
@pytest.mark.parametrize("size", [(11, 11), (20, 17), (64, 64), (13, 131)])
def test_every_score_is_within_the_definitions_tolerance(
    backend: str, which: Definition, channels: int, size: tuple[int, int]
) -> None:
    pictures = hard_pictures(*size, channels)
    scores = engine(pictures, which, backend).scores(pictures)
    np.testing.assert_allclose(
        scores, exact(pictures, pictures, which), rtol=0, atol=which.tolerance
    )


@EVERY_BACKEND
@BOTH
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_pictures_score_within_the_tolerance(
    backend: str, which: Definition, data: st.DataObject
) -> None:
    shape = tuple(data.draw(st.integers(which.window, 20)) for _ in range(2))
    channels = data.draw(st.sampled_from([1, 3]))
    references = data.draw(arrays(np.uint8, (data.draw(st.integers(1, 18)), *shape, channels)))
    queries = data.draw(arrays(np.uint8, (data.draw(st.integers(1, 4)), *shape, channels)))
    scores = engine(references, which, backend).scores(queries)
    np.testing.assert_allclose(
        scores, exact(queries, references, which), rtol=0, atol=which.tolerance
    )


@EVERY_BACKEND
@BOTH
@pytest.mark.parametrize("queries", [1, 2, 3, 65])
def test_a_query_scores_the_same_alone_and_among_others(
    backend: str, which: Definition, queries: int
) -> None:
    references, asked = random_pictures(21), random_pictures(queries, seed=1)
    searcher = engine(references, which, backend)
    together = searcher.scores(asked)
    alone = np.concatenate([searcher.scores(query[None]) for query in asked])
    np.testing.assert_array_equal(together, alone)


@BOTH
@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("k", [0, 1, 4, 100])
def test_the_best_k_are_those_of_a_sort_in_float64(which: Definition, count: int, k: int) -> None:
    references, query = random_pictures(count), random_pictures(1, seed=3)
    (found,) = engine(references, which).search(query, k)
    expected = exact(query, references, which)[0]
    order = np.lexsort((np.arange(count), -expected))[:k]
    assert found.rows.tolist() == order.tolist()
    np.testing.assert_array_equal(found.ssim, expected[order])
    assert found.count == count
    assert found.mean == pytest.approx(expected.mean(), abs=1e-6)


def test_ties_go_to_the_lower_row() -> None:
    references = random_pictures(40)
    references[[5, 17, 33]] = references[20]
    (found,) = engine(references).search(references[20][None], 4)
    assert found.rows.tolist() == [5, 17, 20, 33]
    assert found.ssim.tolist() == [1, 1, 1, 1]


def test_pictures_that_differ_by_less_than_the_scans_error_rank_by_their_exact_scores() -> None:
    query = random_pictures(1, (64, 64, 3))[0]
    references = np.repeat(query[None], 34, axis=0)
    # One value, one level: about 1e-8 of SSIM, a hundredth of what float32 promises.
    for row, reference in enumerate(references):
        value = reference[row, 63 - row, row % 3]
        reference[row, 63 - row, row % 3] = value - 1 if value > 128 else value + 1
    expected = exact(query[None], references, UNIFORM7)[0]
    assert np.ptp(expected) < UNIFORM7.tolerance
    (found,) = engine(references).search(query[None], 10)
    assert found.rows.tolist() == np.lexsort((np.arange(34), -expected))[:10].tolist()


def test_removed_references_count_nowhere() -> None:
    references, query = random_pictures(20), random_pictures(1, seed=5)
    alive = np.arange(20) % 3 != 0
    (found,) = engine(references).search(query, 20, alive)
    (expected,) = engine(references[alive]).search(query, 20)
    assert found.rows.tolist() == np.flatnonzero(alive)[expected.rows].tolist()
    assert found.count == 13
    assert found.total == pytest.approx(expected.total)
    np.testing.assert_array_equal(found.histogram, expected.histogram)
    assert np.isnan(found.scores[~alive]).all()


def test_the_histogram_counts_every_score_in_its_bin() -> None:
    pictures = hard_pictures(16, 16, 3)
    for query, found in zip(pictures, engine(pictures).search(pictures, 1), strict=True):
        scores = exact(query[None], pictures, UNIFORM7)[0].astype(np.float32)
        expected, _ = np.histogram(scores.clip(-1, 1), HISTOGRAM_BINS, (-1, 1))
        assert found.histogram.sum() == len(pictures)
        # A score within the tolerance of a bin's border may fall on either side.
        assert np.abs(np.cumsum(found.histogram - expected)).max() <= 1


@BOTH
def test_shards_merge_to_the_answer_of_the_whole(which: Definition) -> None:
    references, queries = random_pictures(50), random_pictures(3, seed=9)
    references[41] = references[3]
    whole = engine(references, which).search(queries, 7)
    borders = [(0, 16), (16, 17), (17, 50)]
    parts = [engine(references[a:b], which).search(queries, 7) for a, b in borders]
    for query, expected in enumerate(whole):
        found = merge([(a, part[query]) for (a, _), part in zip(borders, parts, strict=True)], 7)
        assert found.rows.tolist() == expected.rows.tolist()
        np.testing.assert_array_equal(found.ssim, expected.ssim)
        np.testing.assert_array_equal(found.histogram, expected.histogram)
        np.testing.assert_array_equal(found.scores, expected.scores)
        assert found.count == expected.count
        assert found.total == pytest.approx(expected.total, rel=1e-12)


def test_merging_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no shard"):
        merge([], 3)


def test_searches_from_many_threads_answer_as_one() -> None:
    references, queries = random_pictures(64), random_pictures(8, seed=2)
    searcher = engine(references)
    expected = searcher.scores(queries)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda query: searcher.scores(query[None])[0], queries))
    np.testing.assert_array_equal(np.stack(found), expected)


def test_wrong_queries_are_refused_with_the_shape_that_is_needed() -> None:
    searcher = engine(random_pictures(3))
    with pytest.raises(ValueError, match=r"uint8 \[Q, 12, 12, 3\], got uint8 \[1, 12, 13, 3\]"):
        searcher.scores(np.zeros((1, 12, 13, 3), np.uint8))
    with pytest.raises(ValueError, match="got float32"):
        searcher.scores(np.zeros((1, 12, 12, 3), np.float32))
    with pytest.raises(ValueError, match="k must not be negative"):
        searcher.search(random_pictures(1), -1)


def test_tiles_and_count_must_agree() -> None:
    tiles = pack(random_pictures(17))
    with pytest.raises(ValueError, match="2 tiles cannot hold exactly 16 images"):
        Engine(tiles, 16, UNIFORM7)
    with pytest.raises(ValueError, match="must be"):
        Engine(tiles[..., :8], 17, UNIFORM7)
    with pytest.raises(ValueError, match="gaussian needs images of at least"):
        Engine(pack(random_pictures(1, (8, 8, 3))), 1, GAUSSIAN)


def test_a_back_end_that_is_not_here_is_named_with_those_that_are() -> None:
    with pytest.raises(BackendUnavailableError, match=r"'abacus' here; available: .*numba"):
        engine(random_pictures(1), backend="abacus")


def test_auto_takes_the_fastest() -> None:
    assert engine(random_pictures(1)).backend_name == [*runnable(), "numba"][0]
