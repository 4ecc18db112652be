"""One network over a picture of any size: strips go in, tiles through it, larger strips come out.

A network's output near a tile's edge lacks what lies beyond, unless the edge is the picture's own,
where the network pads by itself. So tiles overlap by its margin on both sides, and of each only
the part is kept that a whole picture would have given. Tiles are moved inwards at the far borders
instead of being cut: all have one shape, may go to Triton together, and no border is artificial.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import isqrt

import numpy as np

from services.upscaler.engine.networks import Infer, Tiles
from services.upscaler.engine.strips import Pixels, Size, Strips, Window
from services.upscaler.types import UpscalerModel


@dataclass(frozen=True)
class TileSettings:
    """How large pictures are divided, and how much of one is under way at a time."""

    side: int = 320
    """Pixels along a tile's side, overlap included."""

    whole_pixels: int = 512 * 512
    """Networks that pool globally take up to so many pixels undivided, and tiles as large."""

    in_flight: int = 4
    """Tiles that one picture has under way at a time."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in pixels of the input: it reads start..stop, keeps first..last."""

    start: int
    stop: int
    first: int
    last: int


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


def spans(length: int, side: int, margin: int, alignment: int = 1) -> Sequence[Span]:
    """Cover `length` pixels with as few spans of at most `side` pixels as possible.

    Args:
        length: pixels to cover.
        side: pixels that a span may read. All read as many, and no more than they have to.
        margin: pixels between what a span keeps and its ends, unless those are the picture's.
        alignment: spans start at its multiples, counted from either end of the picture: there the
            grid of a network that samples down has its points, turned round or not.

    Raises:
        ValueError: nothing is left of a side within its margins.
    """
    if length <= side:
        return [Span(0, length, 0, length)]
    side -= (side - length) % alignment
    if side < 2 * margin + alignment:
        raise ValueError(f"nothing is left of {side} pixels within margins of {margin}")
    side = _least(length, side, margin, alignment)
    result = [Span(0, side, 0, side - margin)]
    while (first := result[-1].last) < length:
        start = min(length - side, (first - margin) // alignment * alignment)
        stop = start + side
        result.append(Span(start, stop, first, length if stop == length else stop - margin))
    return result


def _least(length: int, side: int, margin: int, alignment: int) -> int:
    """The shortest side with which no more spans are needed than with `side`."""
    lost = 2 * margin + alignment - 1
    number = -(-(length - 2 * margin) // (side - lost))
    shortest = -(-(length - 2 * margin) // number) + lost
    return min(side, shortest + (length - shortest) % alignment)
