"""Squares and sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.unit.training.datasets.pictures import pixels
from training.datasets.faces import Box
from training.datasets.importing.framing import Framing, around_face, centre_square, cut
from training.datasets.importing.source import UnusablePictureError

SIDES = st.integers(1, 3000)


@given(SIDES, SIDES)
def test_the_square_fills_the_shorter_side_in_the_middle(width: int, height: int) -> None:
    square = centre_square(width, height)
    assert square.width == square.height == min(width, height)
    assert abs(square.x - (width - square.width - square.x)) <= 1
    assert abs(square.y - (height - square.height - square.y)) <= 1


@given(st.data(), SIDES, SIDES, st.floats(0, 5))
def test_a_faces_square_lies_within_the_picture(
    data: st.DataObject, width: int, height: int, margin: float
) -> None:
    side = data.draw(st.integers(1, min(width, height)))
    face = Box(
        data.draw(st.integers(0, width - side)),
        data.draw(st.integers(0, height - side)),
        side,
        side,
    )
    square = around_face(face, margin, width, height)
    assert square.width == square.height == min(round(side * (1 + 2 * margin)), width, height)
    assert 0 <= square.x <= width - square.width
    assert 0 <= square.y <= height - square.height


def test_a_face_in_the_open_stays_in_the_middle_of_its_square() -> None:
    assert around_face(Box(100, 60, 40, 40), 0.25, 300, 200) == Box(90, 50, 60, 60)


def test_an_image_of_the_right_size_keeps_its_pixels() -> None:
    image = cut(Image.fromarray(pixels(3, 8, 12)), Box(2, 0, 8, 8), Framing(8))
    np.testing.assert_array_equal(image, pixels(3, 8, 12)[:, 2:10])


def test_shrinking_is_lanczos_with_antialiasing() -> None:
    picture = Image.fromarray(pixels(4, 64, 64))
    expected = picture.resize((16, 16), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(cut(picture, Box(0, 0, 64, 64), Framing(16)), expected)


def test_what_lies_beside_the_square_does_not_bleed_in() -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 32:] = 255
    assert cut(Image.fromarray(picture), Box(0, 0, 32, 32), Framing(8)).max() == 0


def test_grey_has_one_channel() -> None:
    image = cut(Image.new("RGB", (8, 8), (0, 255, 0)), Box(0, 0, 8, 8), Framing(8, grey=True))
    assert image.shape == (8, 8, 1)
    assert (image == 150).all()  # ITU-R 601: 0.587 of 255


def test_a_small_picture_is_enlarged_only_on_request() -> None:
    picture = Image.fromarray(pixels(5, 7, 7))
    with pytest.raises(UnusablePictureError, match="7 px a side are fewer than 8"):
        cut(picture, Box(0, 0, 7, 7), Framing(8))
    assert cut(picture, Box(0, 0, 7, 7), Framing(8, upscale=True)).shape == (8, 8, 3)
