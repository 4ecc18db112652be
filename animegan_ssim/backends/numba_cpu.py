"""The scan compiled by numba: for machines where the native kernel was not built.

The arithmetic is that of `animegan_kernels/search`, explained there. Kept simple here: the sums
that belong to the references alone are computed once for all queries, and everything else runs
over rows of [columns * 16 lanes], which LLVM vectorises.
"""

from __future__ import annotations

import numba
import numpy as np

from animegan_ssim.definition import C1, Definition
from animegan_ssim.tables import Array, Tables, contrast_constant, weight_sum
from animegan_ssim.tiles import CENTRE, LANES, Tiles

# Sums keep their order (no fastmath but contraction): whole numbers stay exact.
_compiled = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)


class NumbaBackend:
    """Scans on one core; the engine runs several. Compiles at its first use: some seconds."""

    name = "numba"
    tiles_at_a_time = 8  # so few that all threads end together

    def hold(self, tiles: Tiles) -> Tiles:
        """They are scanned where they are, a memory map too."""
        return tiles

    def scan(self, tiles: Tiles, tables: Tables, definition: Definition) -> Array:
        """SSIM of every query to every lane of the tiles, float32 [Q, T * 16]."""
        flat = np.ascontiguousarray(tiles).reshape(*tiles.shape[:3], -1)
        half = definition.taps[: definition.window // 2].astype(np.float32)
        equal = definition.sigma is None
        return np.asarray(
            _scan(
                flat,
                tables.pixels,
                np.ascontiguousarray(np.moveaxis(tables.windows, -1, -2)),
                np.empty(0, np.float32) if equal else half,
                definition.window,
                np.float32(weight_sum(definition)),
                np.float32(C1),
                np.float32(contrast_constant(definition)),
            )
        )


@_compiled
def _sum_window(rows, first, column, result):  # type: ignore[no-untyped-def]
    """Plain sums of the 7x7 windows whose upper row is `first`, [windows * 16].

    Rows must be asked for in order: `column` keeps the sums of seven rows. They are sums of whole
    numbers and exact, so nothing drifts.
    """
    if first == 0:
        column[:] = 0
        for k in range(6):
            for i in range(column.size):
                column[i] += rows[k, i]
    for i in range(column.size):
        column[i] += rows[first + 6, i]
        if first > 0:
            column[i] -= rows[first - 1, i]
    a, b, c, d = column, column[LANES:], column[2 * LANES :], column[3 * LANES :]
    e, f, g = column[4 * LANES :], column[5 * LANES :], column[6 * LANES :]
    for i in range(result.size):
        result[i] = a[i] + b[i] + c[i] + d[i] + e[i] + f[i] + g[i]


@_compiled
def _weigh(source, step, half, result):  # type: ignore[no-untyped-def]
    """Filter along one axis whose neighbours lie `step` apart in a flat array.

    Differences to the middle are exact where an image is flat; see native/gaussian.h.
    """
    middle = half.size
    centre = source[middle * step :]
    for i in range(result.size):
        result[i] = centre[i]
    for k in range(middle):
        tap, left, right = half[k], source[k * step :], source[(2 * middle - k) * step :]
        for i in range(result.size):
            result[i] += tap * ((left[i] + right[i]) - (centre[i] + centre[i]))


@_compiled
def _filter(rows, first, half, column, result):  # type: ignore[no-untyped-def]
    """Weigh the windows whose upper row is `first`, [windows * 16]."""
    if half.size == 0:
        _sum_window(rows, first, column, result)
    else:
        _weigh(rows[first:].reshape(-1), rows.shape[1], half, column)
        _weigh(column, LANES, half, result)


@_compiled
def _centred(plane, values):  # type: ignore[no-untyped-def]
    """Fill in the values less the rounded mean of their image, [H, W * 16]; the means, [16]."""
    height, flat = plane.shape
    columns = np.zeros(flat, np.float32)
    for y in range(height):
        for i in range(flat):
            values[y, i] = plane[y, i]
            columns[i] += values[y, i]
    centre = np.empty(LANES, np.float32)
    for lane in range(LANES):
        centre[lane] = np.rint(columns[lane::LANES].sum() / (height * flat // LANES))
    for i in range(flat):
        columns[i] = centre[i % LANES]
    for y in range(height):
        for i in range(flat):
            values[y, i] -= columns[i]
    return centre + np.float32(CENTRE)


@_compiled
def _nearest(x):  # type: ignore[no-untyped-def]
    """Round to a whole number, vectorised: above 1.5 * 2^23 float32 has no fractions."""
    big = np.float32(12582912)
    return (x + big) - big


@_compiled
def _statistics(values, centre, half, weights, m, mean, spread):  # type: ignore[no-untyped-def]
    """Weighted sum, mean and spread of all windows of one channel of a tile."""
    squares, sums = values * values, np.empty(values.shape[1], np.float32)
    for y in range(m.shape[0]):
        _filter(values, y, half, sums, m[y])
    for y in range(m.shape[0]):
        _filter(squares, y, half, sums, spread[y])
        for column in range(m.shape[1] // LANES):
            for lane in range(LANES):
                i = column * LANES + lane
                whole = _nearest(m[y, i] / weights)
                rest = (m[y, i] - whole * weights) / weights
                spread[y, i] = (spread[y, i] - whole * m[y, i]) - rest * m[y, i]
                mean[y, i] = whole + centre[lane] + rest


@_compiled
def _row_scores(g, m, mean, spread, table, luminance, contrast, total):  # type: ignore[no-untyped-def]
    """Add the SSIM of a row of windows to the lanes' totals."""
    row = np.zeros(LANES, np.float32)
    for column in range(table.shape[1]):
        whole, rest, slope = table[0, column], table[1, column], table[2, column]
        power, own_spread = table[3, column], table[4, column]
        for lane in range(LANES):
            i = column * LANES + lane
            above = (mean[i] * slope + luminance) * (g[i] - m[i] * whole - m[i] * rest + contrast)
            row[lane] += above / ((mean[i] * mean[i] + power) * (spread[i] + own_spread))
        # Long sums lose digits in float32.
        if column % 32 == 31 or column == table.shape[1] - 1:
            for lane in range(LANES):
                total[lane] += row[lane]
                row[lane] = 0


@_compiled
def _scan(tiles, pixels, tables, half, window, weights, luminance, contrast):  # type: ignore[no-untyped-def]
    """The whole scan; `tables` is [Q, C, windows down, 5, windows across]."""
    tile_count, channels, height, flat = tiles.shape
    queries, width = pixels.shape[0], pixels.shape[3]
    down, across = height - window + 1, width - window + 1
    scale = 2.0 / (channels * down * across)
    result = np.empty((queries, tile_count * LANES), np.float32)
    m = np.empty((down, across * LANES), np.float32)
    mean, spread = np.empty_like(m), np.empty_like(m)
    values, column = np.empty((height, flat), np.float32), np.empty(flat, np.float32)
    products, g = np.empty_like(values), np.empty(across * LANES, np.float32)
    for tile in range(tile_count):
        total = np.zeros((queries, LANES), np.float64)
        for channel in range(channels):
            centre = _centred(tiles[tile, channel], values)
            _statistics(values, centre, half, weights, m, mean, spread)
            for query in range(queries):
                for y in range(height):
                    for x in range(width):
                        pixel = pixels[query, channel, y, x]
                        for i in range(x * LANES, (x + 1) * LANES):
                            products[y, i] = values[y, i] * pixel
                for y in range(down):
                    _filter(products, y, half, column, g)
                    table = tables[query, channel, y]
                    _row_scores(
                        g, m[y], mean[y], spread[y], table, luminance, contrast, total[query]
                    )
        for query in range(queries):
            for lane in range(LANES):
                result[query, tile * LANES + lane] = total[query, lane] * scale
    return result
