"""One shard of an index: what one pass of an engine scans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.index.arrays import open_array
from animegan_search.ssim.index.errors import DamagedIndexError
from animegan_search.ssim.index.manifest import REBUILD, ShardRecord
from animegan_search.ssim.tiles import LANES, Tiles, tile_count

_INT64 = np.dtype("<i8")


@dataclass(frozen=True, eq=False)
class Shard:
    """References, mapped from the disk.

    Attributes:
        name: "00000", ...; unique in its index.
        first: row of its first reference in the whole index.
        count: references, removed ones included.
        tiles: int8 [T, C, H, W, 16], read-only, by memory map.
        ids: int64 [count], ascending; they stay when images are added or removed.
        dead: int64 [n], ascending, rows of the shard whose images were removed.
    """

    name: str
    first: int
    count: int
    tiles: Tiles
    ids: NDArray[np.int64]
    dead: NDArray[np.int64]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which references count, bool [count]."""
        alive = np.ones(self.count, np.bool_)
        alive[self.dead] = False
        return alive

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The same for `Engine.search`: None where all count."""
        return self.alive if len(self.dead) else None

    @property
    def alive_count(self) -> int:
        """References that count."""
        return self.count - len(self.dead)


def open_shard(
    directory: Path, record: ShardRecord, first: int, shape: tuple[int, int, int]
) -> Shard:
    """Map a shard's files.

    Args:
        directory: the index.
        record: the shard in the manifest.
        first: row of its first reference in the whole index.
        shape: height, width and channels.

    Raises:
        DamagedIndexError: a file is not as the manifest says.
    """
    height, width, channels = shape
    layout = (tile_count(record.count), channels, height, width, LANES)
    tiles = open_array(directory, record.tiles, np.dtype(np.int8), layout)
    ids = open_array(directory, record.ids, _INT64, (record.count,))
    dead = np.empty(0, np.int64)
    if record.dead:
        dead = open_array(directory, record.dead, _INT64, (-1,))
        check_ascending(directory / record.dead.name, dead, range(record.count))
    return Shard(record.name, first, record.count, tiles, ids, dead)


def check_ascending(path: Path, numbers: NDArray[np.int64], allowed: range) -> None:
    """Check the rows or ids of a file, one or more.

    Raises:
        DamagedIndexError: they do not ascend within what is allowed.
    """
    ascending = numbers.size and (np.diff(numbers) > 0).all()
    if not (ascending and numbers[0] >= allowed.start and numbers[-1] < allowed.stop):
        raise DamagedIndexError(
            f"{path}: its numbers must ascend within {allowed.start} to {allowed.stop - 1}: "
            f"{REBUILD}"
        )
