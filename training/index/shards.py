"""Packs a dataset's images into the shards of an index, anywhere, and goes on after a stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animegan_cli.progress import ProgressBar
from animegan_search.ssim.index import DamagedIndexError
from animegan_search.ssim.index.arrays import check_sha256
from animegan_search.ssim.index.manifest import ShardRecord
from animegan_search.ssim.index.records import RecordError, decode
from animegan_search.ssim.tiles import LANES, pack, tile_count
from training.datasets.manifest import DamagedDatasetError, read_json
from training.datasets.store import Dataset
from training.files import pretty, replacing, write
from training.index.publishing import record, store_array

SHARD_BYTES = 2**30
"""Pixels of a shard, unless its number of images is given."""
BLOCK = 64 * LANES
"""Images that are packed at a time."""

Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""Applies a function to items, anywhere, and gives the results in their order."""


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard to write; it can be sent to another machine that sees the same directories."""

    directory: Path
    dataset: Dataset
    number: int
    first: int
    """Its first image in the dataset."""
    count: int
    first_id: int

    @property
    def name(self) -> str:
        """The shard's name."""
        return f"{self.number:05d}"


def default_shard_images(shape: Sequence[int]) -> int:
    """Images of a shape, [H, W, C], that make a full shard: a multiple of a tile's lanes."""
    return max(LANES, SHARD_BYTES // math.prod(shape) // LANES * LANES)


def shard_tasks(
    directory: Path, dataset: Dataset, shard_images: int, first_number: int, first_id: int
) -> list[ShardTask]:
    """Divide a dataset into shards of nearly the same size, none above `shard_images`.

    Args:
        directory: the index.
        dataset: what goes in.
        shard_images: the most images of a shard; it is rounded up to whole tiles.
        first_number: of the first new shard.
        first_id: what the dataset's first image is called.
    """
    total = len(dataset)
    shards = math.ceil(tile_count(total) / tile_count(shard_images))
    size = math.ceil(tile_count(total) / shards) * LANES
    return [
        ShardTask(directory, dataset, number, first, min(size, total - first), first_id + first)
        for number, first in enumerate(range(0, total, size), first_number)
    ]


def write_shards(tasks: Sequence[ShardTask], mapper: Mapper) -> list[ShardRecord]:
    """Write the shards that are not there yet, with a progress bar; verify those that are."""
    known = [_finished(task) for task in tasks]
    missing = [task for task, found in zip(tasks, known, strict=True) if found is None]
    total = sum(task.count for task in tasks)
    done = total - sum(task.count for task in missing)
    with ProgressBar(total=total, initial=done, unit="image", desc="packing") as bar:
        written = []
        for shard in mapper(write_shard, missing):
            written.append(shard)
            bar.update(shard.count)
    fresh = iter(written)
    return [found or next(fresh) for found in known]


def write_shard(task: ShardTask) -> ShardRecord:
    """Write a shard's files, and then its record."""
    ids = np.arange(task.first_id, task.first_id + task.count, dtype=np.int64)
    tiles = task.directory / f"tiles-{task.name}.npy"
    _write_tiles(tiles, task)
    shard = ShardRecord(
        name=task.name,
        count=task.count,
        tiles=record(tiles),
        ids=store_array(task.directory, f"ids-{task.name}.npy", ids),
        dead=None,
    )
    write(_record_path(task), pretty(asdict(shard)))
    return shard


def forget_records(directory: Path) -> None:
    """Remove the records of shards that were written for a state that is published or given up."""
    for path in directory.glob("shard-*.json"):
        path.unlink()


def _write_tiles(path: Path, task: ShardTask) -> None:
    """Pack block by block: a shard need not fit into memory."""
    height, width, channels = task.dataset.header.image_shape()
    shape = (tile_count(task.count), channels, height, width, LANES)
    header = {"descr": "|i1", "fortran_order": False, "shape": shape}
    with replacing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        behind = task.first + task.count
        for first in range(task.first, behind, BLOCK):
            images = task.dataset.images_NHWC[first : min(first + BLOCK, behind)]
            file.write(pack(images).data)


def _finished(task: ShardTask) -> ShardRecord | None:
    """The record of a shard that an earlier run wrote and whose files are whole, or None."""
    path = _record_path(task)
    if not path.exists():
        return None
    try:
        shard = decode(ShardRecord, read_json(path), path.name)
        check_sha256(task.directory, shard.tiles)
        check_sha256(task.directory, shard.ids)
    except (DamagedDatasetError, DamagedIndexError, RecordError):
        return None
    return shard


def _record_path(task: ShardTask) -> Path:
    return task.directory / f"shard-{task.name}.json"
