"""How references lie in memory and on the disk: sixteen images side by side in a tile.

One pixel of sixteen images is one SIMD vector. A scan then needs no shuffles: every lane belongs to
an image of its own, and what belongs to the query is the same in all lanes. Values are stored less
128, as int8: sums of products stay small enough to be exact in float32.

Shape suffixes: N images, T tiles, C channels, H, W height and width, L lanes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LANES = 16
CENTRE = 128  # subtracted from every value

Images = NDArray[np.uint8]
Tiles = NDArray[np.int8]

_SIGN = np.uint8(0x80)  # flipping the sign bit of a byte subtracts 128


def tile_count(images: int) -> int:
    """Number of tiles that hold so many images."""
    return -(-images // LANES)


def pack(images_NHWC: Images) -> Tiles:
    """Lay images out as tiles.

    Args:
        images_NHWC: uint8.

    Returns:
        int8 [T, C, H, W, 16]; image n is lane n % 16 of tile n // 16; lanes without an image are 0.
    """
    count, height, width, channels = images_NHWC.shape
    tiles = tile_count(count)
    lanes = np.full((tiles * LANES, height, width, channels), CENTRE, np.uint8)
    lanes[:count] = images_NHWC
    lanes = lanes.reshape(tiles, LANES, height, width, channels)
    return np.ascontiguousarray(lanes.transpose(0, 4, 2, 3, 1) ^ _SIGN).view(np.int8)


def unpack(tiles_TCHWL: Tiles, rows: Sequence[int] | NDArray[np.int64]) -> Images:
    """Take images out of tiles, uint8 [n, H, W, C] in the order of `rows`.

    Raises:
        IndexError: a row lies outside the tiles.
    """
    tile, lane = np.divmod(np.asarray(rows, np.int64), LANES)
    if tile.size and (tile.min() < 0 or tile.max() >= len(tiles_TCHWL)):
        raise IndexError(f"rows must lie in 0 to {len(tiles_TCHWL) * LANES - 1}")
    # One tile at a time: a memory map is read only where an image lies.
    chosen = [
        tiles_TCHWL[at, ..., place].transpose(1, 2, 0) for at, place in zip(tile, lane, strict=True)
    ]
    _, channels, height, width, _ = tiles_TCHWL.shape
    stacked = np.stack(chosen) if chosen else np.empty((0, height, width, channels), np.int8)
    return np.ascontiguousarray(stacked).view(np.uint8) ^ _SIGN
