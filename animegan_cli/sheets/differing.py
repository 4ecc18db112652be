"""Where pictures of one thing differ most."""

from collections.abc import Iterator, Sequence
from functools import reduce

from PIL import Image, ImageChops

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels; right and bottom are the first ones outside."""

_STEPS = 4  # candidates for a place, along its side


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
