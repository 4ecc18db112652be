"""The benchmark's scorers against independent references, and its counts against scipy."""

from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest
from skimage.metrics import structural_similarity

from tests.unit.training.conftest import write_dataset
from training.copies.benchmark import Count, above, limit, run_benchmark
from training.copies.embedding import Embedder
from training.copies.report import draw_recall, draw_transformations, to_json, to_markdown
from training.copies.scorers import Cosine, PerceptualHash, Pixels, Scorer, Ssim
from training.copies.transformations import TRANSFORMATIONS


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return np.asarray(write_dataset(tmp_path_factory.mktemp("index") / "a", count=21).images_NHWC)


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    dataset = write_dataset(tmp_path_factory.mktemp("unseen") / "b", count=200, seed=9)
    return np.asarray(dataset.images_NHWC)


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    return float(structural_similarity(one, other, channel_axis=2, data_range=255))


def phash(one: np.ndarray, other: np.ndarray) -> float:
    first, second = (imagehash.phash(Image.fromarray(image)) for image in (one, other))
    return -float(first - second)


def pixels(one: np.ndarray, other: np.ndarray) -> float:
    return -float(np.sqrt(np.mean((one.astype(float) - other.astype(float)) ** 2)))


@pytest.mark.parametrize(
    ("scorer_type", "score", "tolerance"),
    [(Ssim, ssim, 1e-5), (PerceptualHash, phash, 0), (Pixels, pixels, 1e-3)],
)
def test_scores_are_those_of_a_loop(
    scorer_type: type, score: object, tolerance: float, index: np.ndarray, unseen: np.ndarray
) -> None:
    scorer: Scorer = scorer_type(index)
    some = unseen[:7]
    best = [max(score(image, reference) for reference in index) for image in some]
    np.testing.assert_allclose(scorer.best(some), best, atol=tolerance)
    rows = np.array([3, 20, 0, 5, 5, 1, 19])
    paired = [score(image, index[row]) for image, row in zip(some, rows, strict=True)]
    np.testing.assert_allclose(scorer.paired(some, rows), paired, atol=tolerance)


def test_cosines_are_those_of_the_embeddings(
    models: Path, index: np.ndarray, unseen: np.ndarray
) -> None:
    embedder = Embedder(models)
    scorer = Cosine("copy detector", embedder, index)
    cosine = embedder(unseen[:5]) @ embedder(index).T
    np.testing.assert_allclose(scorer.best(unseen[:5]), cosine.max(axis=1), atol=1e-6)
    rows = np.array([4, 4, 0, 1, 20])
    paired = cosine[np.arange(5), rows]
    np.testing.assert_allclose(scorer.paired(unseen[:5], rows), paired, atol=1e-6)


@pytest.mark.parametrize(("found", "of"), [(0, 50), (1, 50), (37, 50), (50, 50)])
def test_intervals_are_the_exact_binomial_ones(found: int, of: int) -> None:
    wanted = binomtest(found, of).proportion_ci(0.95, method="exact")
    assert Count(found, of).interval == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_a_threshold_lets_no_more_than_its_share_of_false_alarms_pass(
    index: np.ndarray, unseen: np.ndarray
) -> None:
    scorer = PerceptualHash(index)
    found = limit(scorer, unseen)
    # 100 images calibrate: only what is nearer than the nearest of them is an alarm.
    assert found.threshold == scorer.best(unseen[:100]).max()
    assert found.false_alarms == above(scorer.best(unseen[100:]), found.threshold)
    with pytest.raises(ValueError, match="calibrate with more"):
        limit(scorer, unseen[:100])


def test_the_whole_benchmark_is_repeatable_and_reported(
    index: np.ndarray, unseen: np.ndarray, tmp_path: Path
) -> None:
    scorers = [PerceptualHash(index), Pixels(index)]
    benchmark, again = (run_benchmark(index, unseen, scorers, 5, seed=1) for _ in range(2))
    assert benchmark == again
    assert len(benchmark.cases) == sum(len(kind.values) for kind in TRANSFORMATIONS)
    # Some of these plain pictures share their pHash, so that nothing lies above its threshold.
    untouched = benchmark.cases[0]
    assert untouched.recall == {"pHash": Count(0, 5), "raw pixels": Count(5, 5)}

    record = to_json(benchmark, {"index": "squares"})
    assert record["index"] == "squares"
    assert record["cases"][0]["recall"]["raw pixels"]["share"] == 1
    table = to_markdown(benchmark).splitlines()
    assert table[0] == "| copy | pHash | raw pixels |"
    assert table[2].startswith("| untouched | 0.0 [0.0, 52.2] | **100.0 [47.8, 100.0]** |")
    assert len(table) == 3 + len(benchmark.cases)

    draw_recall(benchmark, "title", tmp_path / "recall.png")
    draw_transformations(index[0], tmp_path / "transformations.png")
    for name in ("recall", "transformations"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width > 400

    with pytest.raises(ValueError, match="too few for 22 copies"):
        run_benchmark(index, unseen, scorers, 22, seed=1)
