"""Where the pictures of a contact sheet are."""

import pytest
from PIL import Image

from animegan_cli.sheets.contact import contact_sheet

WHITE = (255, 255, 255)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (4, 4)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_pictures_lie_in_rows_from_the_left():
    colours = [(index, 2 * index, 0) for index in range(5)]
    sheet = contact_sheet([plain(colour) for colour in colours], columns=3, gap=2)
    assert sheet.size == (3 * 6 + 2, 2 * 6 + 2)
    for index, colour in enumerate(colours):
        row, column = divmod(index, 3)
        left, top = 2 + 6 * column, 2 + 6 * row
        assert sheet.getpixel((left, top)) == colour
        assert sheet.getpixel((left + 3, top + 3)) == colour
        assert sheet.getpixel((left - 1, top)) == WHITE
        assert sheet.getpixel((left, top - 1)) == WHITE
    assert sheet.getpixel((2 + 6 * 2, 2 + 6)) == WHITE  # the sixth cell is empty


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (5, 3, 2), (64, 8, 8)]
)
def test_a_sheet_is_about_square(count, columns, rows):
    sheet = contact_sheet([plain((0, 0, 0))] * count, gap=0)
    assert sheet.size == (4 * columns, 4 * rows)


def test_smaller_pictures_are_centred_and_grey_ones_converted():
    grey = Image.new("L", (2, 2), 9)
    sheet = contact_sheet([plain((1, 1, 1)), grey], columns=2, gap=0)
    assert sheet.getpixel((4, 0)) == WHITE
    assert sheet.getpixel((5, 1)) == (9, 9, 9)
    assert sheet.getpixel((6, 2)) == (9, 9, 9)


def test_few_pictures_leave_no_empty_columns():
    assert contact_sheet([plain((0, 0, 0))] * 2, columns=10, gap=0).size == (8, 4)


@pytest.mark.parametrize(("count", "columns"), [(0, None), (1, 0), (1, -1)])
def test_an_impossible_sheet_is_refused(count, columns):
    with pytest.raises(ValueError, match=r"image|columns"):
        contact_sheet([plain((0, 0, 0))] * count, columns=columns)
