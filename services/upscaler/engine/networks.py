"""Networks as functions of tiles: run by Triton, and made to do more than they were trained for.

Networks take RGB. Grey goes through them as three equal channels. Alpha is enlarged by itself, by
the same network: its edges come out as sharp as those of the colours. Colours are straight, not
premultiplied; below full transparency files hold anything, often black or white, which a network
would mix into the visible edge. There the nearest visible colours take its place first.

Names: H height, W width, C channels, N tiles.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.common.rpc.errors import NotFound, Unavailable
from services.common.triton.batching import Batcher
from services.common.triton.client import Triton
from services.upscaler.engine.strips import Pixels
from services.upscaler.metrics import UpscalerMetrics
from services.upscaler.models import INPUT, OUTPUT
from services.upscaler.types import Filter, Method, UpscalerModel

Tiles: TypeAlias = NDArray[np.uint8]  # [N,h,w,C]
Infer: TypeAlias = Callable[[UpscalerModel, Tiles], Awaitable[Tiles]]
"""Runs a model on N tiles of one shape, at most its `max_batch`: [N,h,w,C] to [N,s*h,s*w,C]."""

OPAQUE = 255
# ITU-R BT.601's luma in 1/65536, as Pillow makes grey of RGB.
_LUMA = np.array([19595, 38470, 7471], np.uint32)
_NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
_MIRROR, _FLIP, _TRANSPOSE = 1, 2, 4  # they generate the dihedral group D4
_SYMMETRIES = 8
_CANARY = np.zeros((1, 8, 8, 3), np.uint8)


class Inference:
    """Triton's networks: tiles of different pictures and calls go there together."""

    def __init__(
        self, triton: Triton, batcher: Batcher, metrics: UpscalerMetrics, *, request_pixels: int
    ) -> None:
        """Ask Triton for at most `request_pixels` pixels (of the input) in one request.

        Args:
            triton: answers canaries, past all that waits in `batcher`.
            batcher: joins tiles.
            metrics: takes the time of each request, and counts the pixels.
            request_pixels: more are joined to no request.
        """
        self._triton = triton
        self._batcher = batcher
        self._metrics = metrics
        self._request_pixels = request_pixels

    async def run(self, model: UpscalerModel, tiles: Tiles) -> Tiles:
        """Enlarge tiles of one shape: uint8 [N,h,w,3] -> uint8 [N,scale*h,scale*w,3].

        Raises:
            Unavailable: the model, or this version of it, is not there (any more).
            DeadlineExceeded, Internal: see `errors.py`.
        """
        _, height, width, _ = tiles.shape
        max_rows = min(model.max_batch, max(1, self._request_pixels // (height * width)))
        with self._metrics.stage("infer"):
            try:
                enlarged = await self._batcher.infer(
                    model.name, model.version, {INPUT: tiles}, OUTPUT, max_rows=max_rows
                )
            except NotFound as error:
                raise Unavailable(
                    f"the model {model.name} version {model.version} is not being served any more; "
                    "try again"
                ) from error
        self._metrics.network_pixels.labels(model=model.name).inc(enlarged.size // 3)
        return enlarged

    async def canary(self, method: Method | Filter) -> None:
        """Let every model of a method enlarge a few pixels.

        Raises:
            ServiceError: one of them does not.
        """
        models = method.models if isinstance(method, Method) else ()
        requests = (
            self._triton.infer(model.name, model.version, {INPUT: _CANARY}, OUTPUT)
            for model in models
        )
        await asyncio.gather(*requests)


def augmented(infer: Infer) -> Infer:
    """Test-time augmentation: the mean over the eight symmetries of the square, halves up.

    A model runs on eight flips and turns of its tiles, which takes eight times as long. The levels
    that are averaged are those that models give: whole numbers.
    """

    async def mean(model: UpscalerModel, tiles: Tiles) -> Tiles:
        n, height, width, channels = tiles.shape
        shape = (n, height * model.scale, width * model.scale, channels)
        total = np.full(shape, _SYMMETRIES // 2, np.uint16)
        for symmetry in range(_SYMMETRIES):
            moved = np.ascontiguousarray(_moved(tiles, symmetry))
            total += _moved_back(await infer(model, moved), symmetry)
        return (total // _SYMMETRIES).astype(np.uint8)

    return mean


def _moved(tiles: Tiles, symmetry: int) -> Tiles:
    tiles = tiles.swapaxes(1, 2) if symmetry & _TRANSPOSE else tiles
    tiles = tiles[:, ::-1] if symmetry & _FLIP else tiles
    return tiles[:, :, ::-1] if symmetry & _MIRROR else tiles


def _moved_back(tiles: Tiles, symmetry: int) -> Tiles:
    tiles = tiles[:, :, ::-1] if symmetry & _MIRROR else tiles
    tiles = tiles[:, ::-1] if symmetry & _FLIP else tiles
    return tiles.swapaxes(1, 2) if symmetry & _TRANSPOSE else tiles


def on_grey(infer: Infer) -> Infer:
    """Run an RGB network on tiles of one channel; gives one channel."""

    async def grey(model: UpscalerModel, tiles: Tiles) -> Tiles:
        rgb = await infer(model, np.repeat(tiles, 3, axis=3))
        return ((rgb @ _LUMA + 2**15) >> 16).astype(np.uint8)[..., np.newaxis]

    return grey


def on_alpha(infer: Infer) -> Infer:
    """Run an RGB network on tiles of alpha; opaque and empty areas stay exactly so, at no cost."""
    on_one_channel = on_grey(infer)

    async def alpha(model: UpscalerModel, tiles: Tiles) -> Tiles:
        levels = tiles.repeat(model.scale, axis=1).repeat(model.scale, axis=2)
        mixed = [n for n, tile in enumerate(tiles) if tile.max() > 0 and tile.min() < OPAQUE]
        if mixed:
            enlarged = await on_one_channel(model, tiles[mixed])
            levels[mixed] = np.where(_flat(tiles[mixed], model.scale), levels[mixed], enlarged)
        return levels

    return alpha


def _flat(tiles: Tiles, scale: int) -> NDArray[np.bool_]:
    """Where a pixel and its eight neighbours are all opaque, or all empty; enlarged."""
    padded = np.pad(tiles, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    flat: NDArray[np.bool_] = windows.max(axis=(4, 5)) == 0
    flat |= windows.min(axis=(4, 5)) == OPAQUE
    return flat.repeat(scale, axis=1).repeat(scale, axis=2)


def bled(colours_HWC: Pixels, alpha_HW: NDArray[np.uint8], reach: int) -> Pixels:
    """Colours that go on into the transparent surroundings.

    Args:
        colours_HWC: straight colours.
        alpha_HW: their alpha.
        reach: pixels that they go on for. What is farther from all that is visible becomes black.

    Returns:
        The same colours where alpha is over 0; elsewhere the mean of those neighbours that have
        one, ring by ring.
    """
    # With a border of one pixel every index below has eight neighbours.
    known = np.pad(alpha_HW > 0, 1)
    colours = np.zeros((*known.shape, colours_HWC.shape[2]), np.uint8)
    np.copyto(colours[1:-1, 1:-1], colours_HWC, where=known[1:-1, 1:-1, np.newaxis])
    border = np.pad(np.zeros(alpha_HW.shape, np.bool_), 1, constant_values=True).ravel()
    around = np.array([dy * known.shape[1] + dx for dy, dx in _NEIGHBOURS])
    flat_known, flat_colours = known.ravel(), colours.reshape(known.size, -1)
    ring = np.flatnonzero(_grown(known) & ~known & ~border.reshape(known.shape))
    for _ in range(reach):
        neighbours = ring[:, np.newaxis] + around
        weights = flat_known[neighbours].astype(np.uint16)
        sums = np.einsum("pn,pnc->pc", weights, flat_colours[neighbours], dtype=np.uint16)
        count = weights.sum(axis=1, dtype=np.uint16)[:, np.newaxis]
        flat_colours[ring] = (sums + count // 2) // count
        flat_known[ring] = True
        neighbours = np.unique(neighbours)
        ring = neighbours[~flat_known[neighbours] & ~border[neighbours]]
    return colours[1:-1, 1:-1]


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True where the mask, or one of the eight neighbours of a pixel that is not outermost, is."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown
