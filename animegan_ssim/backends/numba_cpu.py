"""The scan compiled by numba: for machines where the native kernel was not built.

The arithmetic is that of `animegan_ssim/native`, where it is explained. Kept simple here: the sums
that belong to the references alone are computed once for all queries, and everything else runs
over rows of [columns * 16 lanes], which LLVM vectorises.
"""

from __future__ import annotations

import numba
import numpy as np

from animegan_ssim.definition import Definition
from animegan_ssim.tables import Array, Tables, contrast_constant
from animegan_ssim.tiles import CENTRE, LANES, Tiles

# Sums keep their order (no fastmath but contraction): whole numbers stay exact.
_compiled = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)


class NumbaBackend:
    """Scans on one core; the engine runs several. Compiles at its first use: some seconds."""

    name = "numba"

    def scan(self, tiles: Tiles, tables: Tables, definition: Definition) -> Array:
        """SSIM of every query to every lane of the tiles, float32 [Q, T * 16]."""
        flat = np.ascontiguousarray(tiles).reshape(*tiles.shape[:3], -1)
        half = definition.taps[: definition.window // 2].astype(np.float32)
        equal = definition.sigma is None
        weight = 1 / definition.window**2 if equal else 1.0
        return np.asarray(
            _scan(
                flat,
                tables.pixels,
                np.ascontiguousarray(np.moveaxis(tables.windows, -1, -2)),
                np.empty(0, np.float32) if equal else half,
                definition.window,
                np.float32(weight),
                np.float32(contrast_constant(definition)),
            )
        )


@_compiled
def _filter(rows, first, half, window, column, result):  # type: ignore[no-untyped-def]
    """Weigh `window` rows from `first` on, and then as many columns, into [windows * 16].

    Without weights: plain sums. Else differences to the middle, exact where an image is flat.
    """
    middle = window // 2
    width = result.size
    for i in range(column.size):
        if half.size == 0:
            total = np.float32(0)
            for k in range(window):
                total += rows[first + k, i]
        else:
            total = rows[first + middle, i]
            twice = total + total
            for k in range(middle):
                pair = rows[first + k, i] + rows[first + window - 1 - k, i]
                total += half[k] * (pair - twice)
        column[i] = total
    for i in range(width):
        if half.size == 0:
            total = np.float32(0)
            for k in range(window):
                total += column[i + k * LANES]
        else:
            total = column[i + middle * LANES]
            twice = total + total
            for k in range(middle):
                pair = column[i + k * LANES] + column[i + (window - 1 - k) * LANES]
                total += half[k] * (pair - twice)
        result[i] = total


@_compiled
def _statistics(plane, half, window, weight, m, brightness, spread):  # type: ignore[no-untyped-def]
    """Sum, brightness and spread of all windows of one channel of a tile."""
    height, flat = plane.shape
    values, squares = np.empty((height, flat), np.float32), np.empty((height, flat), np.float32)
    column = np.empty(flat, np.float32)
    for y in range(height):
        for i in range(flat):
            values[y, i] = plane[y, i]
            squares[y, i] = values[y, i] * values[y, i]
    for y in range(m.shape[0]):
        _filter(values, y, half, window, column, m[y])
        _filter(squares, y, half, window, column, spread[y])
        for i in range(m.shape[1]):
            mean = m[y, i] * weight
            whole = np.rint(mean)
            rest = mean - whole
            if half.size == 0:
                rest = (m[y, i] - whole * np.float32(window * window)) * weight
            bright = whole + np.float32(CENTRE) + rest
            brightness[y, i] = bright * bright
            spread[y, i] = (spread[y, i] - whole * m[y, i]) - rest * m[y, i]


@_compiled
def _row_scores(g, m, brightness, spread, table, constant, total):  # type: ignore[no-untyped-def]
    """Add the SSIM of a row of windows to the lanes' totals."""
    row = np.zeros(LANES, np.float32)
    for column in range(table.shape[1]):
        mean, rest, slope = table[0, column], table[1, column], table[2, column]
        offset, power, own_spread = table[3, column], table[4, column], table[5, column]
        for lane in range(LANES):
            i = column * LANES + lane
            contrast = ((g[i] - m[i] * mean) - m[i] * rest) + constant
            luminance = m[i] * slope + offset
            below = (brightness[i] + power) * (spread[i] + own_spread)
            row[lane] += luminance * contrast / below
    for lane in range(LANES):
        total[lane] += row[lane]


@_compiled
def _scan(tiles, pixels, tables, half, window, weight, constant):  # type: ignore[no-untyped-def]
    """The whole scan; `tables` is [Q, C, windows down, 6, windows across]."""
    tile_count, channels, height, flat = tiles.shape
    queries, width = pixels.shape[0], pixels.shape[3]
    down, across = height - window + 1, width - window + 1
    result = np.empty((queries, tile_count * LANES), np.float32)
    m = np.empty((down, across * LANES), np.float32)
    brightness, spread = np.empty_like(m), np.empty_like(m)
    products, column = np.empty((height, flat), np.float32), np.empty(flat, np.float32)
    g = np.empty(across * LANES, np.float32)
    for tile in range(tile_count):
        total = np.zeros((queries, LANES), np.float64)
        for channel in range(channels):
            plane = tiles[tile, channel]
            _statistics(plane, half, window, weight, m, brightness, spread)
            for query in range(queries):
                for y in range(height):
                    for x in range(width):
                        pixel = pixels[query, channel, y, x]
                        for i in range(x * LANES, (x + 1) * LANES):
                            products[y, i] = np.float32(plane[y, i]) * pixel
                for y in range(down):
                    _filter(products, y, half, window, column, g)
                    table = tables[query, channel, y]
                    _row_scores(g, m[y], brightness[y], spread[y], table, constant, total[query])
        for query in range(queries):
            for lane in range(LANES):
                scale = 2.0 / (channels * down * across)
                result[query, tile * LANES + lane] = total[query, lane] * scale
    return result
