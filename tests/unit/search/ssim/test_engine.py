"""The engine and every back end of this machine against the float64 reference."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from animegan_kernels.libraries import SEARCH
from animegan_search.ssim.definition import DEFINITIONS, GAUSSIAN, UNIFORM7, Definition
from animegan_search.ssim.engine import (
    BACKENDS,
    HISTOGRAM_BINS,
    BackendUnavailableError,
    Engine,
    merge,
)
from animegan_search.ssim.reference import ssim_of_each
from animegan_search.ssim.tiles import Images, pack
from tests.requires import require_library, require_target
from tests.unit.search.ssim.pictures import hard_pictures

BOTH = pytest.mark.parametrize("which", DEFINITIONS.values(), ids=lambda d: d.name)
EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS, indirect=True)


@pytest.fixture(autouse=True, scope="module")
def library() -> None:
    require_library(SEARCH)


@pytest.fixture(scope="module")
def backend(request: pytest.FixtureRequest) -> str:
    """A back end that this processor runs."""
    with require_target(SEARCH, request.param):
        return str(request.param)


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
    with pytest.raises(BackendUnavailableError, match=r"'abacus' here; available: .*portable"):
        engine(random_pictures(1), backend="abacus")


def test_auto_takes_the_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [name for name in BACKENDS if _runs(name)]
    assert engine(random_pictures(1)).backend_name == runs[0]
    monkeypatch.setenv("ANIMEGAN_TARGET", "portable")
    assert engine(random_pictures(1)).backend_name == "portable"


def _runs(backend: str) -> bool:
    try:
        return engine(random_pictures(1), backend=backend).backend_name == backend
    except BackendUnavailableError:
        return False


@EVERY_BACKEND
@BOTH
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_answers_are_numpys_to_the_last_bit(
    backend: str, which: Definition, data: st.DataObject
) -> None:
    shape = tuple(data.draw(st.integers(which.window, 40)) for _ in range(2))
    seed, count = data.draw(st.integers(0, 2**32 - 1)), data.draw(st.integers(1, 300))
    random = np.random.default_rng(seed)
    pictures = hard_pictures(*shape, data.draw(st.sampled_from([1, 3])))
    references = pictures[random.integers(0, len(pictures), count)]
    # Half of them differ from the others by one level of one value.
    for row in np.flatnonzero(random.random(count) < 0.5):
        references[row].reshape(-1)[random.integers(0, references[row].size)] ^= 1
    alive = random.random(count) < data.draw(st.sampled_from([0, 0.5, 1]))
    k = data.draw(st.integers(0, count + 1))
    query = pictures[random.integers(0, len(pictures))]
    (found,) = engine(references, which, backend).search(query[None], k, alive)
    rows, scores = np.flatnonzero(alive), ssim_of_each(query, references, which)
    order = rows[np.lexsort((rows, -scores[rows]))][:k]
    assert found.rows.tolist() == order.tolist()
    assert found.ssim.tobytes() == scores[order].tobytes()
    known = found.scores[alive].astype(np.float64)
    assert found.count == len(rows)
    assert found.total == known.sum()
    bins, _ = np.histogram(known.clip(-1, 1), HISTOGRAM_BINS, (-1, 1))
    np.testing.assert_array_equal(found.histogram, bins)
    assert np.isnan(found.scores[~alive]).all()


@pytest.mark.parametrize("count", [7, 8, 127, 128, 129, 136, 257, 20_000])
def test_sum_and_histogram_of_any_number_of_scores_are_numpys(count: int) -> None:
    references, query = random_pictures(count, (11, 11, 1)), random_pictures(1, (11, 11, 1), 1)
    alive = np.random.default_rng(2).random(count) < 0.9
    (found,) = engine(references).search(query, 1, alive)
    known = found.scores[alive].astype(np.float64)
    assert found.total == known.sum()
    bins, _ = np.histogram(known, HISTOGRAM_BINS, (-1, 1))
    np.testing.assert_array_equal(found.histogram, bins)


def test_without_references_nothing_is_found() -> None:
    (found,) = engine(random_pictures(0)).search(random_pictures(1), 3)
    assert (found.count, found.total, len(found.rows), len(found.scores)) == (0, 0, 0, 0)
    assert np.isnan(found.mean)


def test_no_query_finds_nothing() -> None:
    assert engine(random_pictures(3)).search(random_pictures(0), 3) == []


def test_arrays_of_any_layout_are_searched() -> None:
    references, queries = random_pictures(20), random_pictures(4, seed=1)
    mirrored = engine(references[:, :, ::-1]).scores(queries[:, :, ::-1])
    np.testing.assert_array_equal(
        mirrored, engine(references[:, :, ::-1].copy()).scores(queries[:, :, ::-1].copy())
    )
    tiles = pack(np.repeat(references, 2, axis=2))[:, :, :, ::2]
    found = Engine(tiles, 20, UNIFORM7).scores(queries)
    np.testing.assert_array_equal(found, engine(references).scores(queries))


def test_what_counts_has_a_value_for_each_reference() -> None:
    searcher = engine(random_pictures(3))
    with pytest.raises(ValueError, match=r"alive must be bool \[3\], got bool \[2\]"):
        searcher.search(random_pictures(1), 1, np.ones(2, bool))
    with pytest.raises(ValueError, match=r"got int64 \[3\]"):
        searcher.search(random_pictures(1), 1, np.ones(3, np.int64))


def test_near_ties_take_no_memory_worth_the_name() -> None:
    # In a process of its own: the peak is that of all that a process has done. As uint8 alone, all
    # candidates would take 61 MB.
    program = """
import numpy as np, resource
from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.engine import Engine
engine = Engine(np.zeros((1250, 3, 32, 32, 16), np.int8), 20_000, UNIFORM7)
query = np.full((1, 32, 32, 3), 128, np.uint8)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
engine.search(query, 0)
before = peak()
(found,) = engine.search(query, 3)
assert (found.rows.tolist(), found.ssim.tolist()) == ([0, 1, 2], [1, 1, 1])
print(peak() - before)
"""
    assert int(_printed(program)) < 8 * 1024  # KiB


def test_an_engines_threads_go_with_it() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    searchers = [Engine(pack(random_pictures(1)), 1, UNIFORM7, threads=5) for _ in range(3)]
    assert threads() == before + 12
    del searchers
    gc.collect()
    assert threads() == before


def test_a_fork_searches_without_the_threads_it_has_not() -> None:
    program = """
import os, numpy as np
from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.engine import Engine
from animegan_search.ssim.tiles import pack
pictures = np.random.default_rng(0).integers(0, 256, (99, 12, 12, 3), dtype=np.uint8)
engine = Engine(pack(pictures), 99, UNIFORM7, threads=3)
expected = engine.scores(pictures[:2])
child = os.fork()
if not child:
    same = (engine.scores(pictures[:2]) == expected).all()
    del engine
    os._exit(0 if same else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    _printed(program)


def _printed(program: str) -> str:
    """What a program in Python writes; it must not fail."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(
        command, check=True, timeout=100, stdout=subprocess.PIPE, text=True
    ).stdout


def test_a_definition_that_the_library_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="the engine has no SSIM 'ms-ssim'"):
        engine(random_pictures(1), replace(UNIFORM7, name="ms-ssim"))
