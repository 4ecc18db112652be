"""The scan compiled by numba: runs wherever no native kernel was built, at about half its speed.

The algorithm is that of `animegan_ssim/native/scan.h`; see there for how it works.
"""

from __future__ import annotations

import numba
import numpy as np

from animegan_ssim.definition import Definition
from animegan_ssim.tables import Array, Tables, contrast_constant
from animegan_ssim.tiles import CENTRE, LANES, Tiles

_compiled = numba.njit(fastmath=True, boundscheck=False, nogil=True, error_model="numpy")


class NumbaBackend:
    """Scans with numba's LLVM on one core; the engine runs several."""

    name = "numba"

    def scan(self, tiles: Tiles, tables: Tables, definition: Definition) -> Array:
        """SSIM of every query to every lane of the tiles, float32 [Q, T * 16]."""
        constant = np.float32(contrast_constant(definition))
        windows = np.ascontiguousarray(np.moveaxis(tables.windows, -1, 0))
        if definition.sigma is None:
            kernel, taps = _uniform, np.ones(definition.window, np.float32)
        else:
            kernel, taps = _weighted, definition.taps.astype(np.float32)
        return np.asarray(kernel(_flat(tiles), tables.pixels, windows, taps, constant))


def _flat(tiles: Tiles) -> Tiles:
    """Columns and lanes as one axis, [T, C, H, W * 16]: the kernels' inner loops run over it."""
    return tiles.reshape(*tiles.shape[:3], -1)


@_compiled
def _box(rows, taps, width, result):  # type: ignore[no-untyped-def]
    """Sum seven columns, [W * 16] -> [(W - 6) * 16]."""
    for i in range((width - 6) * LANES):
        result[i] = (
            rows[i]
            + rows[i + LANES]
            + rows[i + 2 * LANES]
            + rows[i + 3 * LANES]
            + rows[i + 4 * LANES]
            + rows[i + 5 * LANES]
            + rows[i + 6 * LANES]
        )


@_compiled
def _scores_of_row(total, g, m, v, windows, constant, weight, across):  # type: ignore[no-untyped-def]
    """Add the SSIM of a row of windows to the totals of the lanes."""
    for column in range(across):
        mean, slope, offset, power, spread = (
            windows[0, column],
            windows[1, column],
            windows[2, column],
            windows[3, column],
            windows[4, column],
        )
        for lane in range(LANES):
            i = column * LANES + lane
            brightness = m[i] * weight + np.float32(CENTRE)
            above = (slope * m[i] + offset) * (g[i] - mean * m[i] + constant)
            below = (brightness * brightness + power) * (v[i] + spread)
            total[lane] += above / below


@_compiled
def _uniform(tiles, pixels, windows, taps, constant):  # type: ignore[no-untyped-def]
    tile_count, channels, height, flat = tiles.shape
    queries, width = pixels.shape[0], pixels.shape[3]
    window = taps.size
    down, across = height - window + 1, width - window + 1
    weight = np.float32(1.0 / (window * window))
    result = np.empty((queries, tile_count * LANES), np.float32)
    scale = 2.0 / (channels * down * across)
    m = np.empty((down, across * LANES), np.float32)
    v = np.empty((down, across * LANES), np.float32)
    g = np.empty(across * LANES, np.float32)
    sums, squares = np.empty(flat, np.float32), np.empty(flat, np.float32)
    row = np.empty(LANES, np.float32)
    for tile in range(tile_count):
        total = np.zeros((queries, LANES), np.float64)
        for channel in range(channels):
            plane = tiles[tile, channel]
            sums[:] = 0
            squares[:] = 0
            for y in range(height):
                for i in range(flat):
                    new = np.float32(plane[y, i])
                    sums[i] += new
                    squares[i] += new * new
                if y >= window:
                    for i in range(flat):
                        old = np.float32(plane[y - window, i])
                        sums[i] -= old
                        squares[i] -= old * old
                if y >= window - 1:
                    at = y - window + 1
                    _box(sums, taps, width, m[at])
                    _box(squares, taps, width, v[at])
                    for i in range(across * LANES):
                        v[at, i] -= m[at, i] * m[at, i] * weight
            for query in range(queries):
                picture = pixels[query, channel]
                sums[:] = 0
                for y in range(height):
                    for column in range(width):
                        new_pixel = picture[y, column]
                        for i in range(column * LANES, (column + 1) * LANES):
                            sums[i] += np.float32(plane[y, i]) * new_pixel
                    if y >= window:
                        for column in range(width):
                            old_pixel = picture[y - window, column]
                            for i in range(column * LANES, (column + 1) * LANES):
                                sums[i] -= np.float32(plane[y - window, i]) * old_pixel
                    if y >= window - 1:
                        at = y - window + 1
                        _box(sums, taps, width, g)
                        row[:] = 0
                        _scores_of_row(
                            row,
                            g,
                            m[at],
                            v[at],
                            windows[:, query, channel, at],
                            constant,
                            weight,
                            across,
                        )
                        for lane in range(LANES):
                            total[query, lane] += row[lane]
        for query in range(queries):
            for lane in range(LANES):
                result[query, tile * LANES + lane] = total[query, lane] * scale
    return result


@_compiled
def _blur(plane, ring, y, taps, width, columns, result):  # type: ignore[no-untyped-def]
    """Weigh the last rows of a ring and then the columns, -> [(W - 10) * 16]."""
    window = taps.size
    columns[:] = 0
    for k in range(window):
        tap = taps[k]
        row = ring[(y - window + 1 + k) % window]
        for i in range(width * LANES):
            columns[i] += tap * row[i]
    size = (width - window + 1) * LANES
    result[:size] = 0
    for k in range(window):
        tap = taps[k]
        for i in range(size):
            result[i] += tap * columns[i + k * LANES]


@_compiled
def _weighted(tiles, pixels, windows, taps, constant):  # type: ignore[no-untyped-def]
    tile_count, channels, height, flat = tiles.shape
    queries, width = pixels.shape[0], pixels.shape[3]
    window = taps.size
    down, across = height - window + 1, width - window + 1
    result = np.empty((queries, tile_count * LANES), np.float32)
    scale = 2.0 / (channels * down * across)
    m = np.empty((down, across * LANES), np.float32)
    v = np.empty((down, across * LANES), np.float32)
    g = np.empty(across * LANES, np.float32)
    ring, squares = np.empty((window, flat), np.float32), np.empty((window, flat), np.float32)
    columns = np.empty(flat, np.float32)
    row = np.empty(LANES, np.float32)
    one = np.float32(1)
    for tile in range(tile_count):
        total = np.zeros((queries, LANES), np.float64)
        for channel in range(channels):
            plane = tiles[tile, channel]
            for y in range(height):
                for i in range(flat):
                    value = np.float32(plane[y, i])
                    ring[y % window, i] = value
                    squares[y % window, i] = value * value
                if y >= window - 1:
                    at = y - window + 1
                    _blur(plane, ring, y, taps, width, columns, m[at])
                    _blur(plane, squares, y, taps, width, columns, v[at])
                    for i in range(across * LANES):
                        v[at, i] -= m[at, i] * m[at, i]
            for query in range(queries):
                picture = pixels[query, channel]
                for y in range(height):
                    for column in range(width):
                        pixel = picture[y, column]
                        for i in range(column * LANES, (column + 1) * LANES):
                            ring[y % window, i] = np.float32(plane[y, i]) * pixel
                    if y >= window - 1:
                        at = y - window + 1
                        _blur(plane, ring, y, taps, width, columns, g)
                        row[:] = 0
                        _scores_of_row(
                            row,
                            g,
                            m[at],
                            v[at],
                            windows[:, query, channel, at],
                            constant,
                            one,
                            across,
                        )
                        for lane in range(LANES):
                            total[query, lane] += row[lane]
        for query in range(queries):
            for lane in range(LANES):
                result[query, tile * LANES + lane] = total[query, lane] * scale
    return result
