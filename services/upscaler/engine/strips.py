"""Pictures as streams of strips: some rows of full width, from top to bottom, in order.

What enlarges takes a stream and gives one, so that no more of a picture lies in memory than a
stage needs: a band of tiles, or the rows under a filter.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]  # [H,W,C]
Strips: TypeAlias = AsyncGenerator[Pixels, None]

_ROWS = 256  # of a strip that is cut from a picture in memory


@dataclass(frozen=True)
class Size:
    """Of a picture, in pixels."""

    height: int
    width: int


async def strips_of(pixels_HWC: Pixels) -> Strips:
    """Give a picture that lies in memory as a stream (views of it)."""
    for top in range(0, len(pixels_HWC), _ROWS):
        yield pixels_HWC[top : top + _ROWS]


class Window:
    """Those rows of a stream that are still needed."""

    def __init__(self, strips: Strips) -> None:
        """Read from `strips` as far as it takes."""
        self._strips = strips
        self._parts: list[Pixels] = []
        self._top = 0  # the picture's row at which they begin

    async def take(self, start: int, stop: int) -> Pixels:
        """The rows start..stop of the picture. Those above `start` cannot be asked for again."""
        bottom = self._top + sum(len(part) for part in self._parts)
        while bottom < stop:
            self._parts.append(await anext(self._strips))
            bottom += len(self._parts[-1])
            while self._top + len(self._parts[0]) <= start:
                self._top += len(self._parts.pop(0))
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        rows = self._parts[0][start - self._top :]
        self._parts, self._top = [rows], start
        return rows[: stop - start]
