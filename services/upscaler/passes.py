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

from services.upscaler.models import UpscalerModel
from services.upscaler.strips import Pixels, Size, Strips, Window
from services.upscaler.tiling import Span, TileSettings, spans

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
    batch = min(settings.batch, model.max_batch)
    running: deque[tuple[Sequence[_Place], asyncio.Task[Tiles]]] = deque()
    band = _Band(model.scale, size.width)
    try:
        async with (
            aclosing(strips),
            aclosing(_groups(Window(strips), down, across, batch)) as groups,
        ):
            async for places, tiles in groups:
                if len(running) == settings.in_flight:
                    for strip in band.put(*await _next(running)):
                        yield strip
                running.append((places, asyncio.create_task(_infer(infer, model, tiles))))
        while running:
            for strip in band.put(*await _next(running)):
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


async def _infer(infer: Infer, model: UpscalerModel, tiles: Tiles) -> Tiles:
    return await infer(model, tiles)


async def _next(
    running: deque[tuple[Sequence[_Place], asyncio.Task[Tiles]]],
) -> tuple[Sequence[_Place], Tiles]:
    """Wait for the tiles that were sent first."""
    places, task = running[0]
    tiles = await task
    running.popleft()
    return places, tiles


async def _groups(
    window: Window, down: Sequence[Span], across: Sequence[Span], batch: int
) -> AsyncGenerator[tuple[Sequence[_Place], Tiles], None]:
    """All tiles in reading order, `batch` at a time."""
    places: list[_Place] = []
    tiles: list[Pixels] = []
    for y in down:
        rows = await window.take(y.start, y.stop)
        for x in across:
            places.append(_Place(y, x))
            tiles.append(rows[:, x.start : x.stop])
            if len(tiles) == batch:
                yield places, np.stack(tiles)
                places, tiles = [], []
    if tiles:
        yield places, np.stack(tiles)


class _Band:
    """Puts enlarged tiles, which come in reading order, together to strips."""

    def __init__(self, scale: int, width: int) -> None:
        self._scale = scale
        self._width = width
        self._strip: Pixels | None = None

    def put(self, places: Sequence[_Place], tiles: Tiles) -> list[Pixels]:
        """Place some tiles; return the strips that are complete."""
        complete = []
        for place, tile in zip(places, tiles, strict=True):
            kept = tile[self._kept(place.y), self._kept(place.x)]
            if place.x.first == 0:
                shape = (len(kept), self._width * self._scale, tile.shape[2])
                self._strip = np.empty(shape, np.uint8)
            assert self._strip is not None  # noqa: S101 - tiles come in reading order
            self._strip[:, place.x.first * self._scale : place.x.last * self._scale] = kept
            if place.x.last == self._width:
                complete.append(self._strip)
        return complete

    def _kept(self, span: Span) -> slice:
        """What of an enlarged tile is kept along an axis."""
        return slice(
            (span.first - span.start) * self._scale, (span.last - span.start) * self._scale
        )
