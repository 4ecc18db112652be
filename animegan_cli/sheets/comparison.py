"""Pictures of one thing side by side: the whole with frames, and what lies in them enlarged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from PIL import Image, ImageChops, ImageDraw, ImageFont

PLACES = 2  # crops a subject
CROP = 40  # pixels a side, of the enlarged pictures
ZOOM = 4

_CELL = CROP * ZOOM
_GAP = 8
_MARGIN = 16
_HEAD = 44  # two lines above the crops
_TITLE_SIZE, _NOTE_SIZE = 15, 13
_FRAME = 3
_PAPER, _INK, _FAINT, _BEST = (255, 255, 255), (32, 32, 32), (110, 110, 110), (20, 120, 50)
_FRAMES = ((214, 64, 43), (47, 111, 222), (20, 140, 60), (150, 80, 200))  # one colour a place
_STEPS = 4  # candidates for a place, along its side

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels; right and bottom are the first ones outside."""


@dataclass(frozen=True)
class Entry:
    """One of the pictures that are compared.

    Attributes:
        title: what made it.
        picture: of any mode; all of a subject have the same size.
        note: a line below the title, such as "34.1 dB".
        best: whether to set the note off.
    """

    title: str
    picture: Image.Image
    note: str = ""
    best: bool = False


@dataclass(frozen=True)
class Subject:
    """What the pictures are of.

    Attributes:
        name: stands above the whole picture.
        note: a line below the name.
        whole: in which the frames are drawn; as large as the entries' pictures.
        entries: from left to right.
    """

    name: str
    note: str
    whole: Image.Image
    entries: Sequence[Entry]


def comparison_sheet(subjects: Sequence[Subject]) -> Image.Image:
    """Draw subjects below each other, each a row of crops beside the whole picture.

    Crops lie where the entries differ most. They are enlarged four times, pixel by pixel, so that
    what is seen is what is there.

    Args:
        subjects: each with entries of one size.

    Returns:
        An RGB image.

    Raises:
        ValueError: there are no subjects, one has no entries, or sizes differ.
    """
    if not subjects:
        raise ValueError("a sheet needs at least one subject")
    rows = [_row(subject) for subject in subjects]
    width = max(row.width for row in rows) + 2 * _MARGIN
    height = sum(row.height for row in rows) + _MARGIN * (len(rows) + 1)
    sheet = Image.new("RGB", (width, height), _PAPER)
    top = _MARGIN
    for row in rows:
        sheet.paste(row, (_MARGIN, top))
        top += row.height + _MARGIN
    return sheet


def differing_places(pictures: Sequence[Image.Image], side: int, count: int) -> list[Box]:
    """Find the squares in which pictures differ most from each other.

    Args:
        pictures: RGB, of one size.
        side: of a square in pixels; as much of it as fits into the pictures.
        count: squares wanted.

    Returns:
        At most `count` boxes that do not overlap, the most different first.
    """
    darkest, lightest = reduce(ImageChops.darker, pictures), reduce(ImageChops.lighter, pictures)
    spread = ImageChops.difference(lightest, darkest).convert("L").convert("F")
    width, height = (min(side, edge) for edge in spread.size)
    places = sorted(_squares(spread, width, height), key=lambda found: -found[0])
    chosen: list[Box] = []
    for _, box in places:
        if len(chosen) < count and not any(_overlap(box, other) for other in chosen):
            chosen.append(box)
    return chosen


def _row(subject: Subject) -> Image.Image:
    if not subject.entries:
        raise ValueError(f"{subject.name}: there is nothing to compare")
    pictures = [entry.picture.convert("RGB") for entry in subject.entries]
    sizes = {subject.whole.size, *(picture.size for picture in pictures)}
    if len(sizes) > 1:
        raise ValueError(f"{subject.name}: the pictures have different sizes: {sorted(sizes)}")
    boxes = differing_places(pictures, CROP, PLACES)
    whole = _framed(subject.whole.convert("RGB"), boxes)
    width = whole.width + 2 * _GAP + len(pictures) * (_CELL + _GAP)
    row = Image.new("RGB", (width, _HEAD + _crops_height(PLACES)), _PAPER)
    draw = ImageDraw.Draw(row)
    _words(draw, 0, subject.name, subject.note, _FAINT)
    row.paste(whole, (0, _HEAD))
    left = whole.width + 3 * _GAP
    for entry, picture in zip(subject.entries, pictures, strict=True):
        _words(draw, left, entry.title, entry.note, _BEST if entry.best else _FAINT)
        for place, box in enumerate(boxes):
            row.paste(_zoomed(picture, box, place), (left, _HEAD + place * (_CELL + _GAP)))
        left += _CELL + _GAP
    return row


def _crops_height(places: int) -> int:
    return places * (_CELL + _GAP) - _GAP


def _framed(whole: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """The whole picture as high as all its crops, with a frame around each place."""
    scale = _crops_height(PLACES) / whole.height
    size = (max(1, round(whole.width * scale)), _crops_height(PLACES))
    # Pixels stay visible where it grows, as in the crops; a large picture is made smaller smoothly.
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    framed = whole.resize(size, method)
    draw = ImageDraw.Draw(framed)
    for box, colour in zip(boxes, _FRAMES, strict=False):
        left, top, right, bottom = (round(edge * scale) for edge in box)
        # Outside of what it frames: a place in a large picture may be a few pixels here.
        corners = (left - _FRAME, top - _FRAME, right - 1 + _FRAME, bottom - 1 + _FRAME)
        draw.rectangle(corners, outline=colour, width=_FRAME)
    return framed


def _zoomed(picture: Image.Image, box: Box, place: int) -> Image.Image:
    crop = picture.crop(box)
    size = (crop.width * ZOOM, crop.height * ZOOM)
    zoomed = crop.resize(size, Image.Resampling.NEAREST)
    corner = (size[0] - 1, size[1] - 1)
    ImageDraw.Draw(zoomed).rectangle(((0, 0), corner), outline=_FRAMES[place], width=_FRAME)
    return zoomed


def _words(
    draw: ImageDraw.ImageDraw, left: int, title: str, note: str, colour: tuple[int, int, int]
) -> None:
    """A title with a line below it."""
    draw.text((left, 0), title, _INK, ImageFont.load_default(_TITLE_SIZE))
    draw.text((left, 21), note, colour, ImageFont.load_default(_NOTE_SIZE))


def _squares(spread: Image.Image, width: int, height: int) -> Iterator[tuple[float, Box]]:
    """Boxes all over the picture, each with its mean difference."""
    for top in _starts(spread.height, height):
        for left in _starts(spread.width, width):
            box = (left, top, left + width, top + height)
            mean = spread.resize((1, 1), Image.Resampling.BOX, box)
            yield float(mean.getpixel((0, 0))), box  # type: ignore[arg-type]


def _starts(length: int, side: int) -> list[int]:
    """Where squares begin along an edge, the last one at its end."""
    last = length - side
    return [*range(0, last, max(1, side // _STEPS)), last]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
