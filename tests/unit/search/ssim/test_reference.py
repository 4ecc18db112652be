"""The float64 reference against scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import structural_similarity

from animegan_search.ssim.definition import (
    DEFINITIONS,
    GAUSSIAN,
    UNIFORM7,
    Definition,
    UnknownDefinitionError,
    definition,
)
from animegan_search.ssim.reference import ssim, ssim_map, ssim_of_each
from tests.unit.search.ssim.pictures import Images, hard_pictures

OPTIONS = {
    "uniform7": {},
    "gaussian": {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
}
BOTH = pytest.mark.parametrize("which", DEFINITIONS.values(), ids=lambda d: d.name)


def scikit(a: Images, b: Images, which: Definition, full: bool = False) -> np.ndarray:
    options = {"channel_axis": 2, "data_range": 255, "full": full, **OPTIONS[which.name]}
    return structural_similarity(a, b, **options)


@BOTH
@pytest.mark.parametrize("channels", [1, 3])
def test_every_pair_of_hard_pictures_scores_as_in_scikit_image(
    which: Definition, channels: int
) -> None:
    pictures = hard_pictures(20, 17, channels)
    for query in pictures:
        expected = [scikit(query, other, which) for other in pictures]
        np.testing.assert_allclose(ssim_of_each(query, pictures, which), expected, atol=1e-11)


@BOTH
def test_the_map_is_scikit_images_full_map(which: Definition) -> None:
    pictures = hard_pictures(24, 31, 3)
    for a, b in [(6, 7), (5, 12), (9, 10), (15, 6)]:
        _, expected = scikit(pictures[a], pictures[b], which, full=True)
        found = ssim_map(pictures[a], pictures[b], which)
        np.testing.assert_allclose(found, expected, atol=1e-10)


@BOTH
def test_the_score_is_the_mean_of_the_maps_inner_part(which: Definition) -> None:
    a, b = hard_pictures(24, 31, 3)[[6, 12]]
    margin = which.window // 2
    inner = ssim_map(a, b, which)[margin:-margin, margin:-margin]
    assert ssim(a, b, which) == pytest.approx(inner.mean(), abs=1e-12)


@BOTH
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_two_pictures_score_as_in_scikit_image(which: Definition, data: st.DataObject) -> None:
    height = data.draw(st.integers(which.window, 24), "height")
    width = data.draw(st.integers(which.window, 24), "width")
    pictures = arrays(np.uint8, (height, width, data.draw(st.sampled_from([1, 3]), "channels")))
    a, b = data.draw(pictures), data.draw(pictures)
    assert ssim(a, b, which) == pytest.approx(scikit(a, b, which), abs=1e-11)


@BOTH
def test_a_picture_equals_itself_exactly(which: Definition) -> None:
    for picture in hard_pictures(16, 16, 3):
        assert ssim(picture, picture, which) == 1


def test_weights_are_those_of_the_papers_window() -> None:
    assert GAUSSIAN.taps.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(GAUSSIAN.taps[4] / GAUSSIAN.taps[5], np.exp(-0.5 / 1.5**2))
    np.testing.assert_allclose(UNIFORM7.taps, 1 / 7)


def test_shapes_must_agree_and_hold_a_window() -> None:
    with pytest.raises(ValueError, match="differ in shape: 8x9x3 and 8x8x3"):
        ssim(np.zeros((9, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8), UNIFORM7)
    with pytest.raises(ValueError, match="gaussian needs images of at least 11x11 pixels, got 10x"):
        ssim(np.zeros((11, 10, 3), np.uint8), np.zeros((11, 10, 3), np.uint8), GAUSSIAN)


def test_an_unknown_definition_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownDefinitionError, match="'ms-ssim'; known are uniform7, gaussian"):
        definition("ms-ssim")
