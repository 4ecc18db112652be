"""Contact sheets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def contact_sheet(images: Sequence[np.ndarray], columns: int, zoom: int = 1) -> np.ndarray:
    """Images side by side, row after row.

    Args:
        images: uint8 [H, W, C] each, C being 1 or 3.
        columns: Images a row.
        zoom: Each pixel becomes zoom x zoom pixels.

    Returns:
        uint8 [rows * H * zoom, columns * W * zoom, 3]; white where no image is left.
    """
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet_HWC = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, image_HWC in enumerate(images):
        y, x = index // columns * height, index % columns * width
        sheet_HWC[y : y + height, x : x + width] = image_HWC
    return sheet_HWC.repeat(zoom, axis=0).repeat(zoom, axis=1)
