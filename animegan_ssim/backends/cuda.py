"""The scan on a GPU, compiled by numba: references lie in its memory, one block scores one tile.

A block takes a tile and a query. For every row of windows its threads first filter down the columns
into shared memory - values, squares, products with the query - and then along the row, and score.
Sixteen neighbouring threads are the sixteen images of the tile, so they read neighbouring bytes.
What belongs to the references alone is computed again for every query.

`NUMBA_ENABLE_CUDASIM=1` runs it on the CPU, slowly, for tests. It has not been run on a GPU yet.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from numba import cuda

from animegan_ssim.definition import C1, Definition
from animegan_ssim.tables import Array, Tables, contrast_constant, weight_sum
from animegan_ssim.tiles import CENTRE, LANES, Tiles

STRIP = 48  # windows across a strip, whose filtered columns fit into shared memory
COLUMNS = STRIP + 10  # and those that the widest window reaches into
GROUP = 16  # columns at a time; LANES * GROUP threads a block
FIELDS = 3  # values, squares, products


class CudaBackend:
    """Scans on the first GPU."""

    name = "cuda"
    tiles_at_a_time = 2**31 - 1  # as many as there are: the grid is the whole index

    def hold(self, tiles: Tiles) -> Any:
        """Copy the references to the GPU's memory."""
        return cuda.to_device(np.ascontiguousarray(tiles))

    def scan(self, tiles: Any, tables: Tables, definition: Definition) -> Array:
        """SSIM of every query to every lane of the tiles, float32 [Q, T * 16]."""
        half = definition.taps[: definition.window // 2].astype(np.float32)
        scores = cuda.device_array((len(tables), tiles.shape[0], LANES), np.float32)
        _kernel()[(tiles.shape[0], len(tables)), (LANES, GROUP)](
            tiles,
            cuda.to_device(tables.pixels),
            cuda.to_device(tables.windows),
            cuda.to_device(half if definition.sigma else np.empty(0, np.float32)),
            definition.window,
            np.float32(weight_sum(definition)),
            np.float32(C1),
            np.float32(contrast_constant(definition)),
            scores,
        )
        return np.asarray(scores.copy_to_host()).reshape(len(tables), -1)


def available() -> bool:
    """Whether numba finds a GPU and its driver."""
    return bool(cuda.is_available())


@cache
def _kernel() -> Any:
    """Compile at the first use: numba looks for the driver then."""

    @cuda.jit(device=True)
    def filtered(values, first, step, half, window):  # type: ignore[no-untyped-def]
        """Weigh `window` values `step` apart; without weights, sum them. See native/gaussian.h."""
        middle = window // 2
        if half.size == 0:
            total = np.float32(0)
            for k in range(window):
                total += values[first + k * step]
            return total
        centre = values[first + middle * step]
        total = centre
        for k in range(middle):
            pair = values[first + k * step] + values[first + (window - 1 - k) * step]
            total += half[k] * (pair - (centre + centre))
        return total

    @cuda.jit(device=True)
    def field(plane, pixels, which, y, x, lane, centre):  # type: ignore[no-untyped-def]
        value = np.float32(plane[y, x, lane]) - centre
        if which == 0:
            return value
        return value * value if which == 1 else value * pixels[y, x]

    @cuda.jit
    def scan(tiles, pixels, windows, half, window, weights, luminance, contrast, scores):  # type: ignore[no-untyped-def]
        columns = cuda.shared.array(FIELDS * COLUMNS * LANES, numba.float32)
        sums = cuda.shared.array((GROUP, LANES), numba.float32)
        lane, group = cuda.threadIdx.x, cuda.threadIdx.y
        tile, query = cuda.blockIdx.x, cuda.blockIdx.y
        channels, height, width = tiles.shape[1], tiles.shape[2], tiles.shape[3]
        down, across = height - window + 1, width - window + 1
        values = cuda.local.array(11, numba.float32)
        total = 0.0
        for channel in range(channels):
            plane, picture = tiles[tile, channel], pixels[query, channel]
            # The image's rounded mean goes out of its values: small numbers round less.
            mine = np.float32(0)
            for y in range(group, height, GROUP):
                for x in range(width):
                    mine += np.float32(plane[y, x, lane])
            sums[group, lane] = mine
            cuda.syncthreads()
            mean = np.float32(0)
            for k in range(GROUP):
                mean += sums[k, lane]
            centre = np.float32(round(mean / np.float32(height * width)))
            cuda.syncthreads()
            for left in range(0, across, STRIP):
                strip = min(STRIP, across - left)
                for top in range(down):
                    for x in range(group, strip + window - 1, GROUP):
                        for which in range(FIELDS):
                            for k in range(window):
                                values[k] = field(
                                    plane, picture, which, top + k, left + x, lane, centre
                                )
                            at = (which * COLUMNS + x) * LANES + lane
                            columns[at] = filtered(values, 0, 1, half, window)
                    cuda.syncthreads()
                    for x in range(group, strip, GROUP):
                        at = x * LANES + lane
                        m = filtered(columns, at, LANES, half, window)
                        square = filtered(columns, at + COLUMNS * LANES, LANES, half, window)
                        g = filtered(columns, at + 2 * COLUMNS * LANES, LANES, half, window)
                        whole = np.float32(round(m / weights))
                        rest = (m - whole * weights) / weights
                        mean = whole + (centre + np.float32(CENTRE)) + rest
                        spread = (square - whole * m) - rest * m
                        table = windows[query, channel, top, left + x]
                        above = (mean * table[2] + luminance) * (
                            ((g - m * table[0]) - m * table[1]) + contrast
                        )
                        total += above / ((mean * mean + table[3]) * (spread + table[4]))
                    cuda.syncthreads()
        sums[group, lane] = total / (channels * down * across)
        cuda.syncthreads()
        if group == 0:
            mean = np.float32(0)
            for k in range(GROUP):
                mean += sums[k, lane]
            scores[query, tile, lane] = np.float32(2) * mean

    return scan
