"""One network over a picture of any size: a stream of strips in, a stream of larger ones out.

Names: H height, W width, C channels, N tiles.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import isqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.upscaler.engine.strips import Pixels, Size, Strips, Window
from services.upscaler.engine.tiling import Span, TileSettings, spans
from services.upscaler.models import UpscalerModel

Tiles: TypeAlias = NDArray[np.uint8]  # [N,h,w,C]
Infer: TypeAlias = Callable[[UpscalerModel, Tiles], Awaitable[Tiles]]
"""Runs a model on N tiles of one shape, at most its `max_batch`: [N,h,w,C] to [N,s*h,s*w,C]."""


@dataclass(frozen=True)
class _Place:
    """Where a tile lies."""

    y: Span
    x: Span


async def run_pass(
    strips: Strips, size: Size, model: UpscalerModel, infer: Infer, settings: TileSettings
) -> Strips:
    """Enlarge a picture of `size` by `model`.

    A strip that comes out is as high as what a band of tiles keeps. Tiles of the bands below are
    under way meanwhile; when the stream is closed, they are cancelled.
    """
    side = tile_side(model, size, settings)
    if side >= max(size.height, size.width):  # one tile: nothing to put together
        async with aclosing(strips):
            rows = await Window(strips).take(0, size.height)
        yield (await infer(model, rows[np.newaxis]))[0]
        return
    across = spans(size.width, side, model.margin, model.alignment)
    down = spans(size.height, side, model.margin, model.alignment)
    running: deque[tuple[_Place, asyncio.Task[Tiles]]] = deque()
    band = _Band(model.scale, size.width)
    try:
        async with (
            aclosing(strips),
            aclosing(_tiles(Window(strips), down, across)) as tiles,
        ):
            async for place, tile in tiles:
                if (
                    len(running) == settings.in_flight
                    and (strip := band.put(*await _next(running))) is not None
                ):
                    yield strip
                running.append((place, asyncio.create_task(_infer(infer, model, tile))))
        while running:
            if (strip := band.put(*await _next(running))) is not None:
                yield strip
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)


def tile_side(model: UpscalerModel, size: Size, settings: TileSettings) -> int:
    """Pixels along a side of the tiles; at least as much as `size` if it is not divided."""
    if not model.pools_globally:
        return settings.side
    if size.height * size.width <= settings.whole_pixels:
        return max(size.height, size.width)
    return max(settings.side, isqrt(settings.whole_pixels))  # the larger, the nearer to the whole


async def _infer(infer: Infer, model: UpscalerModel, tile: Pixels) -> Tiles:
    return await infer(model, tile[np.newaxis])


async def _next(running: deque[tuple[_Place, asyncio.Task[Tiles]]]) -> tuple[_Place, Pixels]:
    """Wait for the tile that was sent first."""
    place, task = running[0]
    (tile,) = await task
    running.popleft()
    return place, tile


async def _tiles(
    window: Window, down: Sequence[Span], across: Sequence[Span]
) -> AsyncGenerator[tuple[_Place, Pixels], None]:
    """All tiles in reading order."""
    for y in down:
        rows = await window.take(y.start, y.stop)
        for x in across:
            yield _Place(y, x), rows[:, x.start : x.stop].copy()


class _Band:
    """Puts enlarged tiles, which come in reading order, together to strips."""

    def __init__(self, scale: int, width: int) -> None:
        self._scale = scale
        self._width = width
        self._strip: Pixels | None = None

    def put(self, place: _Place, tile: Pixels) -> Pixels | None:
        """Place a tile; return its strip if that is complete now."""
        kept = tile[self._kept(place.y), self._kept(place.x)]
        if place.x.first == 0:
            shape = (len(kept), self._width * self._scale, tile.shape[2])
            self._strip = np.empty(shape, np.uint8)
        assert self._strip is not None  # noqa: S101 - tiles come in reading order
        self._strip[:, place.x.first * self._scale : place.x.last * self._scale] = kept
        return self._strip if place.x.last == self._width else None

    def _kept(self, span: Span) -> slice:
        """What of an enlarged tile is kept along an axis."""
        return slice(
            (span.first - span.start) * self._scale, (span.last - span.start) * self._scale
        )
