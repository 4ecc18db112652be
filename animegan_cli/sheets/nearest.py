"""Contact sheets of pictures beside their nearest training images, with the scores below."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from animegan_client.similarity.types import SearchResult

MATCHES = 4

_CELL = 128  # pixels that a picture is enlarged or made smaller to
_GAP = 8
_BETWEEN = 32  # between two rows beside each other
_TEXT = 34  # two lines below each picture
_FONT_SIZE = 12
_PAPER, _INK, _FAINT, _ALARM = (255, 255, 255), (32, 32, 32), (120, 120, 120), (190, 30, 30)


@dataclass(frozen=True)
class Row:
    """A picture and what was found for it."""

    picture: Image.Image
    name: str
    result: SearchResult


def nearest_sheet(rows: Sequence[Row], *, columns: int = 1) -> Image.Image:
    """Draw each picture beside its four nearest.

    Args:
        rows: results with thumbnails.
        columns: rows beside each other.

    Returns:
        An RGB image: under each picture its name and verdict, under each match its id and SSIM.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("a sheet needs at least one row")
    width = (1 + MATCHES) * (_CELL + _GAP) + 2 * _GAP + _BETWEEN
    height = _CELL + _TEXT + _GAP
    lines = -(-len(rows) // columns)
    size = (columns * width + _GAP - _BETWEEN, lines * height + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        line, column = divmod(number, columns)
        _draw_row(sheet, draw, row, _GAP + column * width, _GAP + line * height)
    return sheet


def _draw_row(sheet: Image.Image, draw: ImageDraw.ImageDraw, row: Row, left: int, top: int) -> None:
    verdict = row.result.verdict
    words, colour = "", _FAINT
    if verdict:
        words = f"p {verdict.p_value:.2g}, {'original' if verdict.original else 'copy'}"
        colour = _FAINT if verdict.original else _ALARM
    _draw_cell(sheet, draw, row.picture, (left, top), (row.name[:20], words), colour)
    left += _CELL + 3 * _GAP
    for match in row.result.matches[:MATCHES]:
        if match.thumbnail:
            texts = (f"SSIM {match.ssim:.3f}", f"#{match.id}")
            _draw_cell(sheet, draw, match.thumbnail.to_pil(), (left, top), texts, _FAINT)
        left += _CELL + _GAP


def _draw_cell(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    picture: Image.Image,
    corner: tuple[int, int],
    texts: tuple[str, str],
    colour: tuple[int, int, int],
) -> None:
    """A picture with two lines of text below it."""
    scale = _CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # Whole pixels show what was compared; photographs are made smaller smoothly.
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    left, top = corner
    place = (left + (_CELL - size[0]) // 2, top + (_CELL - size[1]) // 2)
    sheet.paste(picture.convert("RGB").resize(size, method), place)
    font = ImageFont.load_default(_FONT_SIZE)
    draw.text((left, top + _CELL + 2), texts[0], _INK, font)
    draw.text((left, top + _CELL + 2 + _TEXT // 2), texts[1], colour, font)
