"""Where pictures differ most."""

from PIL import Image, ImageDraw

from animegan_cli.sheets.differing import differing_places


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
