"""What the benchmark does to images."""

import numpy as np
import pytest
from PIL import Image

from training.copies.benchmark import plant
from training.copies.transformations import TRANSFORMATIONS, Transformation, crop, flip, shift

NAMED = {kind.name: kind for kind in TRANSFORMATIONS}


def face(side: int = 64) -> np.ndarray:
    """A smooth colourful picture without symmetry, uint8 [side, side, 3]."""
    small = np.random.default_rng(3).integers(30, 226, (6, 6, 3), np.uint8)
    picture = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("kind", TRANSFORMATIONS, ids=lambda kind: kind.name)
def test_copies_have_the_images_shape_and_are_repeatable(kind: Transformation) -> None:
    images = np.stack([face()] * 3)
    for value in kind.values:
        copies = plant(images, kind, value, seed=1, place=2)
        assert copies.shape == images.shape
        assert copies.dtype == np.uint8
        np.testing.assert_array_equal(copies, plant(images, kind, value, seed=1, place=2))
        changed = distance(copies, images)
        assert (changed == 0) == (kind.name == "untouched"), value


@pytest.mark.parametrize("name", ["light", "jpeg", "blur", "noise", "rescale", "fewer levels"])
def test_stronger_is_further_away(name: str) -> None:
    images = np.stack([face()] * 8)
    kind = NAMED[name]
    distances = [distance(plant(images, kind, value, 0, 0), images) for value in kind.values]
    assert distances == sorted(distances)
    assert distances[0] < 0.7 * distances[-1]


def test_flipping_twice_and_shifting_back_give_the_image_back() -> None:
    image = Image.fromarray(face())
    random = np.random.default_rng(0)
    assert flip(flip(image, 0, random), 0, random) == image
    there = np.asarray(shift(image, 5, np.random.default_rng(0)))
    y, x = (5 * np.random.default_rng(0).choice([-1, 1], 2))[::-1]
    back = np.roll(there, (-y, -x), (0, 1))[6:-6, 6:-6]
    np.testing.assert_array_equal(back, face()[6:-6, 6:-6])


def test_a_crop_of_the_whole_side_is_the_image() -> None:
    image = Image.fromarray(face())
    assert crop(image, 1.0, np.random.default_rng(0)) == image


def test_hues_turned_all_the_way_round_come_back() -> None:
    image = Image.fromarray(face())
    turned = NAMED["hue"].change(image, 360, np.random.default_rng(0))
    # HSV in bytes rounds.
    assert distance(np.asarray(turned), face()) < 2


def test_what_the_training_never_shows_is_marked() -> None:
    strangers = {kind.name for kind in TRANSFORMATIONS if not kind.trained}
    assert strangers == {"caption", "fewer levels", "perspective", "frame"}
