"""Contact sheets: many pictures on one."""

from collections.abc import Sequence
from math import ceil, sqrt

from PIL import Image

BACKGROUND = (255, 255, 255)
GAP_PX = 2


def contact_sheet(
    images: Sequence[Image.Image], *, columns: int | None = None, gap: int = GAP_PX
) -> Image.Image:
    """Lay `images` out in rows, from left to right and top to bottom.

    Args:
        images: of any modes and sizes; each is centred in a cell as large as the largest.
        columns: pictures in a row; None makes the sheet about square.
        gap: pixels between two pictures and around all.

    Returns:
        An RGB image.

    Raises:
        ValueError: there are no images, or `columns` is less than 1.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    if columns is None:
        columns = ceil(sqrt(len(images)))
    if columns < 1:
        raise ValueError(f"columns: {columns} is less than 1")
    columns = min(columns, len(images))
    rows = ceil(len(images) / columns)
    cell_w = max(image.width for image in images)
    cell_h = max(image.height for image in images)
    size = (columns * (cell_w + gap) + gap, rows * (cell_h + gap) + gap)
    sheet = Image.new("RGB", size, BACKGROUND)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left = gap + column * (cell_w + gap) + (cell_w - image.width) // 2
        top = gap + row * (cell_h + gap) + (cell_h - image.height) // 2
        sheet.paste(image.convert("RGB"), (left, top))
    return sheet
