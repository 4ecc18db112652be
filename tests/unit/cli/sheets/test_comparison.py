"""What a comparison sheet shows, and where."""

import pytest
from PIL import Image, ImageDraw

from animegan_cli.sheets.comparison import (
    CROP,
    ZOOM,
    Entry,
    Subject,
    comparison_sheet,
    differing_places,
)

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


def with_square(box: tuple[int, int, int, int], level: int) -> Image.Image:
    picture = Image.new("RGB", (64, 48))
    ImageDraw.Draw(picture).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), (level, level, 0))
    return picture


def test_the_most_different_place_comes_first() -> None:
    strong, weak = (40, 20, 48, 28), (8, 8, 16, 16)
    pictures = [with_square(strong, 250), with_square(weak, 90), Image.new("RGB", (64, 48))]
    assert differing_places(pictures, 8, 2) == [strong, weak]


def test_places_do_not_overlap() -> None:
    pictures = [with_square((20, 16, 44, 40), 200), Image.new("RGB", (64, 48))]
    boxes = differing_places(pictures, 16, 20)
    assert len(boxes) > 4
    for place, (left, top, right, bottom) in enumerate(boxes):
        assert (right - left, bottom - top) == (16, 16)
        assert 0 <= left < right <= 64
        assert 0 <= top < bottom <= 48
        for other in boxes[place + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_small_pictures_are_one_place() -> None:
    pictures = [Image.new("RGB", (5, 3)), Image.new("RGB", (5, 3), "white")]
    assert differing_places(pictures, 40, 2) == [(0, 0, 5, 3)]
