"""What a comparison sheet shows, and where."""

import pytest
from PIL import Image, ImageDraw

from animegan_cli.sheets.comparison import CROP, ZOOM, Entry, Subject, comparison_sheet

PLACE = (60, 20, 60 + CROP, 20 + CROP)
COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250))


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (160, 120)) -> Image.Image:
    plain = Image.new("RGB", size, "grey")
    ImageDraw.Draw(plain).rectangle((60, 20, 59 + CROP, 19 + CROP), colour)
    return plain


def subject(colours: tuple[tuple[int, int, int], ...] = COLOURS) -> Subject:
    entries = [Entry(f"method {i}", picture(colour)) for i, colour in enumerate(colours)]
    return Subject("a square", "80x60 -> 160x120", picture((0, 0, 0)), entries)


def test_each_entry_is_shown_enlarged_where_they_differ() -> None:
    sheet = comparison_sheet([subject()])
    for colour in COLOURS:
        # All of the crop but its frame: whole pixels, four times as large.
        assert sheet.get_flattened_data().count(colour) >= (CROP * ZOOM - 10) ** 2


def test_entries_stand_from_left_to_right() -> None:
    sheet = comparison_sheet([subject()])
    pixels = sheet.get_flattened_data()
    lefts = [pixels.index(colour) % sheet.width for colour in COLOURS]
    assert lefts == sorted(lefts)
    assert lefts[1] - lefts[0] == lefts[2] - lefts[1] > CROP * ZOOM


def test_subjects_stand_below_each_other() -> None:
    one, two = comparison_sheet([subject()]), comparison_sheet([subject()] * 2)
    assert two.width == one.width
    assert 1.9 * one.height < two.height <= 2 * one.height


def test_a_pixel_can_be_compared() -> None:
    dots = [Image.new("RGB", (1, 1), colour) for colour in COLOURS]
    entries = [Entry("dot", dot) for dot in dots]
    sheet = comparison_sheet([Subject("a dot", "", dots[0], entries)])
    assert sheet.width > 3 * CROP * ZOOM


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one subject"):
        comparison_sheet([])
    with pytest.raises(ValueError, match="nothing to compare"):
        comparison_sheet([Subject("none", "", picture((0, 0, 0)), [])])
    other = Entry("other", picture((0, 0, 0), (10, 10)))
    with pytest.raises(ValueError, match="different sizes"):
        comparison_sheet([Subject("two", "", picture((0, 0, 0)), [other])])
