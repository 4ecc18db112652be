"""Faults planted in real faces: the figures that decide must tell each of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.requires import require_module, require_renderer
from training.features.cache import FeatureCache
from training.features.efficientnet import LITE0, LITE1, efficientnet
from training.features.extraction import Extractor, Pictures
from training.metrics.kid import kid_x1000
from training.metrics.material import Material
from training.metrics.registry import METRICS
from training.metrics.score import Score
from training.metrics.views import four_figures

Images = NDArray[np.uint8]
Found = dict[str, tuple[Score, Score]]  # figure -> its score and its floor
COUNT, SIDE = 64, 64


@pytest.fixture(scope="module")
def faces() -> Images:
    """Four times 64 rendered faces: real ones, others, training images, and more."""
    require_renderer()
    from training.datasets.procedural import render

    return np.stack([render(seed, SIDE) for seed in range(4 * COUNT)])


@pytest.fixture(scope="module")
def extractors() -> dict[str, Extractor]:
    for variant in (LITE0, LITE1):
        require_module(variant.package)
    device = torch.device("cpu")
    return {"efficientnet": efficientnet(device), "judge": efficientnet(device, LITE1)}


Measure = Callable[..., Found]


@pytest.fixture(scope="module")
def measure(
    faces: Images, extractors: dict[str, Extractor], tmp_path_factory: pytest.TempPathFactory
) -> Measure:
    """Measures images in place of generated ones; features of real ones are computed once."""
    cache = FeatureCache(tmp_path_factory.mktemp("cache"))

    def pictures(first: int) -> Pictures:
        return Pictures("real", faces, first, COUNT, "faces")

    def found(generated: Images, *metrics: str) -> Found:
        parts = {
            "real": pictures(0),
            "others": pictures(COUNT),
            "training": pictures(2 * COUNT),
            "all training": pictures(2 * COUNT),
            "generated": Pictures("generated", generated, 0, len(generated)),
        }
        built = {name: lambda each=each: each for name, each in extractors.items()}
        material = Material(parts, SIDE, built, cache, seed=0)
        result: Found = {}
        for key in metrics:
            measured = METRICS[key].measure(material)
            scored = zip(METRICS[key].figures, measured.scores, measured.floors, strict=True)
            result |= {figure.key: (score, floor) for figure, score, floor in scored}
        return result

    return found


@pytest.fixture
def healthy(faces: Images) -> Images:
    """Real faces that no other set holds."""
    return faces[3 * COUNT :]


def blurred(images: Images) -> Images:
    """Squares of 2x2 pixels, each of one colour: what is left of faces of half the size."""
    squares = images.reshape(len(images), SIDE // 2, 2, SIDE // 2, 2, 3)
    mean = squares.mean(axis=(2, 4), keepdims=True).round()
    return np.broadcast_to(mean, squares.shape).astype(np.uint8).reshape(images.shape)


def worse(found: Found, *keys: str) -> list[bool]:
    """Whether each figure lies on the wrong side of its floor, by more than both intervals."""
    result = []
    for key in keys:
        score, floor = found[key]
        assert None not in (score.low, score.high, floor.low, floor.high)
        above = BETTER[key] in ("lower", "not above")
        result.append(score.low > floor.high if above else score.high < floor.low)
    return result


# Of C_T, the wrong side is the lower one here: copies.
BETTER = {figure.key: figure.better for metric in METRICS.values() for figure in metric.figures}
DECIDING = ("fd", "coverage", "kid_x1000")
JUDGING = ("judge_fd", "judge_coverage")
DECIDE = ("fd", "density_coverage", "kid")


def test_nothing_planted_lies_at_the_floor(measure: Measure, healthy: Images) -> None:
    found = measure(healthy, *DECIDE, "judge")
    assert not any(worse(found, *DECIDING, *JUDGING))


def test_a_collapse(measure: Measure, healthy: Images) -> None:
    """A few good faces, again and again."""
    few = np.resize(healthy[:8], healthy.shape)
    found = measure(few, *DECIDE, "judge")
    assert all(worse(found, *DECIDING, *JUDGING))


def test_a_blur_shows_at_its_size_and_not_below(measure: Measure, healthy: Images) -> None:
    found = measure(blurred(healthy), *DECIDE, "judge", "reduced_32", "reduced_16")
    assert all(worse(found, *DECIDING, *JUDGING))
    assert not any(worse(found, "fd_32", "coverage_32", "fd_16", "coverage_16"))
    # Reduced, the blurred faces are the sharp ones.
    sharp = measure(healthy, "reduced_32")
    assert found["fd_32"] == sharp["fd_32"]


def test_the_mean_face_alone(measure: Measure, healthy: Images) -> None:
    """All images alike, at the pixels' mean."""
    mean = np.broadcast_to(healthy.mean(axis=0).round().astype(np.uint8), healthy.shape)
    found = measure(mean, *DECIDE, "judge")
    assert all(worse(found, *DECIDING, *JUDGING))


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_features_that_crowd_at_their_mean(
    faces: Images, extractors: dict[str, Extractor], spread: float
) -> None:
    """Why three figures decide: the cubic kernel took these for nearly real (`test_kid`), and they
    deceive FD and coverage, too."""
    halves = np.split(faces[: 2 * COUNT], 2)
    real, others = (extractors["efficientnet"](torch.from_numpy(half)).numpy() for half in halves)
    poor = others.mean(axis=0) + spread * (others - others.mean(axis=0))
    kid, floor = kid_x1000(real, poor), kid_x1000(real, others)
    found, floors = four_figures(real, poor), four_figures(real, others)
    fd, precision, recall, coverage = zip(found, floors, strict=True)
    assert all(worse({"kid_x1000": (kid, floor), "recall": recall}, "kid_x1000", "recall"))
    # From each real image the mean lies nearer than its fifth neighbour, and few images have
    # covariances that chance sets farther apart than half the spread does.
    assert coverage[0].value >= coverage[1].value
    assert precision[0].value >= precision[1].value
    assert (fd[0].value < fd[1].value) == (spread == 0.5)


def test_copies_of_training_images(measure: Measure, faces: Images) -> None:
    """No distance to unseen faces can tell; those that look at the training set must."""
    copies = faces[2 * COUNT : 3 * COUNT]
    found = measure(copies, *DECIDE, "ct", "authenticity", "max_ssim")
    assert not any(worse(found, *DECIDING))
    assert all(worse(found, "ct", "auth_pct", "max_ssim_median"))
    assert found["auth_pct"][0].value == 0
    assert found["max_ssim_most"][0].value == pytest.approx(1)


def test_copies_of_a_few_training_images(measure: Measure, faces: Images) -> None:
    copies = np.resize(faces[2 * COUNT : 2 * COUNT + 8], faces[:COUNT].shape)
    found = measure(copies, *DECIDE, "authenticity")
    assert all(worse(found, *DECIDING, "auth_pct"))


def test_the_cache_keeps_sizes_and_networks_apart(
    faces: Images, extractors: dict[str, Extractor], tmp_path: Path
) -> None:
    parts = {"real": Pictures("real", faces[:8], 0, 8, "faces")}
    built = {name: lambda each=each: each for name, each in extractors.items()}

    def material() -> Material:
        return Material(parts, SIDE, built, FeatureCache(tmp_path), seed=0)

    asked = [(name, side) for name in built for side in (None, 32, 16)]
    fresh = [material().features("real", *each) for each in asked]
    again = [material().features("real", *each) for each in reversed(asked)][::-1]
    assert len(list(tmp_path.iterdir())) == len(asked)
    for first, second in zip(fresh, again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert len({features.tobytes() for features in fresh}) == len(asked)
