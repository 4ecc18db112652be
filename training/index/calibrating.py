"""Finds how close held-out images come to an index, and keeps that up to date.

The nearest reference of each held-out image is kept shard by shard. So an append scans the new
shards only; and a removal scans a shard again only for the held-out images whose nearest reference
was removed. Work that a stopped run has finished is found again by the files' names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from animegan_cli.progress import ProgressBar
from animegan_search.ssim.definition import definition
from animegan_search.ssim.engine import Engine
from animegan_search.ssim.index.arrays import NEAREST, open_array
from animegan_search.ssim.index.manifest import (
    CalibrationRecord,
    FileRecord,
    Heldout,
    Manifest,
    ShardRecord,
)
from animegan_search.ssim.index.shard import Shard, open_shard
from training.index.publishing import record, store_array
from training.index.shards import Mapper

QUERIES = 64
"""Held-out images a task: as many as an engine compares in one pass."""


@dataclass(frozen=True, slots=True)
class NearestTask:
    """Held-out images to search in a shard; it can be sent to another machine."""

    directory: Path
    number: int
    """Of the shard."""
    shard: ShardRecord
    shape: tuple[int, int, int]
    definition: str
    heldout: Heldout
    places: tuple[int, ...]
    """Which held-out images."""
    threads: int | None


def calibrated(
    directory: Path, manifest: Manifest, heldout: Heldout, mapper: Mapper, threads: int | None
) -> Manifest:
    """The manifest with a calibration that belongs to it; only what is not known is computed.

    Args:
        directory: the index; new files are written there.
        manifest: its state, published or not.
        heldout: the held-out images, in the index's directory.
        mapper: runs the searches.
        threads: of each search; None: all cores.
    """
    searches = [
        _ShardSearch(directory, manifest, number, heldout) for number in range(len(manifest.shards))
    ]
    tasks = [task for search in searches for task in search.tasks(threads)]
    total = sum(search.missing.size for search in searches)
    with ProgressBar(total=total, unit="image", desc="calibrating") as bar:
        for nearest, task in zip(mapper(find_nearest, tasks), tasks, strict=True):
            searches[task.number].take(task.places, nearest)
            bar.update(len(task.places))
    files = tuple(search.stored() for search in searches)
    return replace(manifest, calibration=CalibrationRecord(manifest.digest, heldout, files))


def find_nearest(task: NearestTask) -> np.ndarray:
    """Search held-out images in a shard; `NEAREST` [n] in their order."""
    shard, engine = _opened(task.directory, task.shard, task.shape, task.definition, task.threads)
    shape = (task.heldout.count, *task.shape)
    images = open_array(task.directory, task.heldout.images, np.dtype(np.uint8), shape)
    nearest = np.full(len(task.places), -1, NEAREST)
    found = engine.search(images[list(task.places)], 1, shard.mask)
    for place, one in enumerate(found):
        if one.count:
            nearest[place] = (one.rows[0], one.ssim[0])
    return nearest


@lru_cache(maxsize=1)
def _opened(
    directory: Path,
    record: ShardRecord,
    shape: tuple[int, int, int],
    definition_name: str,
    threads: int | None,
) -> tuple[Shard, Engine]:
    """A shard and its engine; the next task is mostly of the same shard."""
    shard = open_shard(directory, record, 0, shape)
    return shard, Engine(shard.tiles, shard.count, definition(definition_name), threads=threads)


class _ShardSearch:
    """The nearest references in one shard: what is known of them, and what is still missing."""

    def __init__(self, directory: Path, manifest: Manifest, number: int, heldout: Heldout) -> None:
        self._directory = directory
        self._manifest = manifest
        self._number = number
        self._shard = manifest.shards[number]
        self._heldout = heldout
        self._path = directory / _file_name(self._shard, heldout)
        self._nearest = np.full(heldout.count, -1, NEAREST)
        self.missing = np.arange(heldout.count)
        if self._path.exists():
            self._use(record(self._path), np.empty(0, np.int64))
        elif (file := self._earlier_file()) is not None:
            self._use(file, self._dead_rows())
        self._left = self.missing.size

    def tasks(self, threads: int | None) -> list[NearestTask]:
        """What is to be searched."""
        return [
            NearestTask(
                directory=self._directory,
                number=self._number,
                shard=self._shard,
                shape=self._manifest.shape,
                definition=self._manifest.definition,
                heldout=self._heldout,
                places=tuple(self.missing[first : first + QUERIES].tolist()),
                threads=threads,
            )
            for first in range(0, len(self.missing), QUERIES)
        ]

    def take(self, places: Sequence[int], nearest: np.ndarray) -> None:
        """Note what a task has found; with the last one the shard's file is written."""
        self._nearest[list(places)] = nearest
        self._left -= len(places)
        if self._left == 0:
            self._store()

    def stored(self) -> FileRecord:
        """The shard's file, when nothing is left to be found."""
        if not self._path.exists():  # removed images were nobody's nearest
            self._store()
        return record(self._path)

    def _store(self) -> None:
        store_array(self._directory, self._path.name, self._nearest)

    def _use(self, file: FileRecord, dead: np.ndarray) -> None:
        """Start from known references; those that are dead by now must be replaced."""
        known = open_array(self._directory, file, NEAREST, (self._heldout.count,))
        self._nearest[:] = known
        self.missing = np.flatnonzero(np.isin(known["row"], dead))

    def _earlier_file(self) -> FileRecord | None:
        """The same held-out images' nearest references before more images were removed."""
        calibration = self._manifest.calibration
        if calibration is None or calibration.heldout.digest != self._heldout.digest:
            return None
        known = calibration.nearest
        return known[self._number] if self._number < len(known) else None

    def _dead_rows(self) -> np.ndarray:
        return open_shard(self._directory, self._shard, 0, self._manifest.shape).dead


def _file_name(shard: ShardRecord, heldout: Heldout) -> str:
    """Name of the file with a shard's nearest references; what they depend on is in it."""
    parts = [heldout.images.sha256, shard.tiles.sha256, shard.dead.sha256 if shard.dead else ""]
    key = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
    return f"nearest-{shard.name}-{key}.npy"
