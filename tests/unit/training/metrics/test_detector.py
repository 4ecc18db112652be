"""The copy detector as a metric: copies that SSIM does not see."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.copies.embedding import Embedder
from training.datasets.procedural import render
from training.features.cache import FeatureCache
from training.features.extraction import Pictures
from training.metrics import detector
from training.metrics.detector import METRIC, copy_detector, tail, threshold
from training.metrics.material import Material, Part
from training.metrics.max_ssim import METRIC as MAX_SSIM

Images = NDArray[np.uint8]
MODELS = Path(__file__).parents[4] / "models"
CPU = torch.device("cpu")
SET = 40


@pytest.fixture(scope="module")
def faces() -> Images:
    """[4 * SET, 64, 64, 3]: training, two held-out halves, and new ones."""
    return np.stack([render(seed, 64) for seed in range(4 * SET)])


def material(faces: Images, generated: Images, cache: Path) -> Material:
    training, real, others, _ = np.split(faces, 4)
    parts: dict[Part, Images] = {
        "all training": training,
        "real": real,
        "others": others,
        "generated": generated,
    }
    pictures = {part: Pictures(part, images, 0, len(images)) for part, images in parts.items()}
    extractors = {detector.NAME: lambda: copy_detector(CPU)}
    return Material(pictures, 64, extractors, FeatureCache(cache), seed=0)


def test_mirrored_copies_are_seen_where_ssim_is_blind(faces: Images, tmp_path: Path) -> None:
    new = faces[3 * SET :]
    copies = new.copy()
    copies[: SET // 4] = faces[: SET // 4, :, ::-1]  # a quarter are training images, mirrored

    def measure(generated: Images) -> dict[str, float]:
        sets = material(faces, generated, tmp_path)
        return {
            figure.key: score.value
            for metric in (METRIC, MAX_SSIM)
            for figure, score in zip(metric.figures, metric.measure(sets).scores, strict=True)
        }

    honest, copied = measure(new), measure(copies)
    assert copied["detector_copies"] >= max(25, honest["detector_copies"] + 15)
    assert copied["detector_95"] > 0.95 > honest["detector_95"]
    assert copied["max_ssim_most"] < 0.9


def test_the_floor_is_that_of_unseen_real_images(faces: Images, tmp_path: Path) -> None:
    others = faces[2 * SET : 3 * SET]
    found = METRIC.measure(material(faces, others, tmp_path))
    assert found.scores == found.floors
    assert found.samples["all training"] == SET


def test_it_is_the_detector_that_is_served(faces: Images) -> None:
    served = Embedder(MODELS)(faces[:9])
    ours = copy_detector(CPU)(torch.from_numpy(faces[:9]))
    np.testing.assert_allclose(ours, served, atol=1e-5)


def test_images_of_other_sizes_are_brought_to_its_own(faces: Images) -> None:
    extractor = copy_detector(CPU)
    large = faces[:5].repeat(2, axis=1).repeat(2, axis=2)
    cosines = (extractor(torch.from_numpy(large)) * extractor(torch.from_numpy(faces[:5]))).sum(1)
    assert cosines.min() > 0.9
    grey = faces[:5].mean(axis=3, keepdims=True).astype(np.uint8)
    coloured = grey.repeat(3, axis=3)
    torch.testing.assert_close(
        extractor(torch.from_numpy(grey)), extractor(torch.from_numpy(coloured))
    )


def test_one_unseen_image_in_a_hundred_is_above_the_threshold() -> None:
    unseen = np.random.default_rng(0).permutation(999) / 1000
    assert (unseen > threshold(unseen)).sum() == 9  # the tenth of 999 is the threshold itself
    few = np.array([0.2, 0.7, 0.1])
    assert threshold(few) == 0.7


def test_no_copy_at_all_still_has_an_interval() -> None:
    _, percent = tail(np.linspace(0, 0.5, 100), threshold=0.6)
    assert (percent.value, percent.low, percent.high) == (0.0, 0.0, 3.0)
