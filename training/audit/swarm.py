"""Where thumbnails lie that share one axis and must not overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stack(centres: NDArray[np.float64], width: float) -> list[int]:
    """The row of each item: the lowest in which none that was placed before is closer than `width`.

    Args:
        centres: along the axis, [N].
        width: of every item.
    """
    rows = [0] * len(centres)
    ends: list[float] = []  # of the last item in each row, from left to right
    for place in np.argsort(centres, kind="stable").tolist():
        centre = float(centres[place])
        free = (row for row, end in enumerate(ends) if end <= centre - width / 2)
        rows[place] = next(free, len(ends))
        end = centre + width / 2
        if rows[place] == len(ends):
            ends.append(end)
        else:
            ends[rows[place]] = end
    return rows
