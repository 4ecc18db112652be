"""Opens, checks and searches an index."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.definition import definition
from animegan_search.ssim.engine import Engine, Found, merge
from animegan_search.ssim.index.arrays import check_sha256, check_size
from animegan_search.ssim.index.calibration import read_calibration
from animegan_search.ssim.index.errors import (
    DamagedIndexError,
    NotCalibratedError,
    UnknownImageError,
)
from animegan_search.ssim.index.manifest import Manifest, Source, read_manifest
from animegan_search.ssim.index.shard import check_ascending, open_shard
from animegan_search.ssim.tiles import Images, unpack
from animegan_search.ssim.verdict import Calibration


@dataclass(frozen=True, eq=False)
class Answer:
    """What one query found in the whole index.

    Attributes:
        ids: int64 [k], the best images, best first; ties by id.
        found: their rows and scores; count, sum, histogram and every score of the index.
    """

    ids: NDArray[np.int64]
    found: Found


class Index:
    """References in a directory, mapped from the disk. Safe to share between threads.

    Attributes:
        directory: where it lies.
        manifest: what it says about itself.
        name: of the index.
        definition: the SSIM that its scores have.
        shape: height, width and channels of its images.
        digest: sha256 over all that decides an answer.
        shards: in the order of their rows.
        calibration: how close unseen images come; None: there is none, or it is stale.
    """

    def __init__(
        self, directory: Path, manifest: Manifest, backend: str, threads: int | None
    ) -> None:
        """Map the files; `Index.open` reads the manifest and verifies."""
        for file in manifest.files():
            check_size(directory, file)
        self.directory = directory
        self.manifest = manifest
        self.name = manifest.name
        self.definition = definition(manifest.definition)
        self.shape = manifest.shape
        self.digest = manifest.digest
        firsts = accumulate((shard.count for shard in manifest.shards), initial=0)
        self.shards = tuple(
            open_shard(directory, record, first, self.shape)
            for record, first in zip(manifest.shards, firsts, strict=False)
        )
        self.calibration = read_calibration(directory, manifest)
        self._backend = backend
        self._threads = threads

    @classmethod
    def open(
        cls,
        path: Path | str,
        verify: bool = True,
        backend: str = "auto",
        threads: int | None = None,
    ) -> Index:
        """Open an index.

        Names, sizes, types and shapes are always checked.

        Args:
            path: its directory.
            verify: also read every byte and compare it with the checksums.
            backend: of `search`, as `Engine` takes it.
            threads: the same.

        Raises:
            NotAnIndexError: no index of this format lies there.
            IndexVersionError: it is of a version that this program does not read.
            DamagedIndexError: files do not agree with the manifest.
        """
        directory = Path(path)
        manifest = read_manifest(directory)
        try:
            return cls._open(directory, manifest, verify, backend, threads)
        except DamagedIndexError:
            newer = read_manifest(directory)
            if newer == manifest:
                raise
            # It was changed while it was being opened, and the old files are gone.
            return cls._open(directory, newer, verify, backend, threads)

    @classmethod
    def _open(
        cls, directory: Path, manifest: Manifest, verify: bool, backend: str, threads: int | None
    ) -> Index:
        index = cls(directory, manifest, backend, threads)
        if verify:
            index.verify()
        return index

    @property
    def count(self) -> int:
        """Images that are searched; removed ones are not."""
        return sum(shard.alive_count for shard in self.shards)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The id of every row, int64 [rows], ascending."""
        return np.concatenate([shard.ids for shard in self.shards])

    @cached_property
    def engines(self) -> tuple[Engine, ...]:
        """One engine a shard, made when it is first needed."""
        return tuple(
            Engine(
                shard.tiles,
                shard.count,
                self.definition,
                backend=self._backend,
                threads=self._threads,
            )
            for shard in self.shards
        )

    def verify(self) -> None:
        """Read every byte and compare it with the checksums.

        Raises:
            DamagedIndexError: naming the first file that was changed.
        """
        for file in self.manifest.files():
            check_sha256(self.directory, file)
        last = self.manifest.sources[-1]
        allowed = range(last.first_id + last.count)
        for shard, record in zip(self.shards, self.manifest.shards, strict=True):
            check_ascending(self.directory / record.ids.name, shard.ids, allowed)
            allowed = range(int(shard.ids[-1]) + 1, allowed.stop)

    def search(self, queries_QHWC: Images, k: int) -> list[Answer]:
        """Search all shards, one after the other, in this process.

        Args:
            queries_QHWC: uint8 of the index's shape.
            k: images to find for each query; where fewer are alive, all of them.

        Raises:
            ValueError: the queries have another shape, or k is negative.
        """
        parts = [
            engine.search(queries_QHWC, k, shard.mask)
            for engine, shard in zip(self.engines, self.shards, strict=True)
        ]
        firsts = [shard.first for shard in self.shards]
        found = [merge(list(zip(firsts, one, strict=True)), k) for one in zip(*parts, strict=True)]
        return [Answer(self.ids[one.rows], one) for one in found]

    def rows(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Where images lie in the whole index, int64 [n] in the order of their ids.

        Raises:
            UnknownImageError: the index holds no such image, or it was removed.
        """
        wanted = np.asarray(ids, np.int64)
        rows = np.searchsorted(self.ids, wanted)
        here = rows < len(self.ids)
        here[here] = self.ids[rows[here]] == wanted[here]
        for shard in self.shards:
            here &= ~np.isin(rows, shard.dead + shard.first)
        if not here.all():
            raise UnknownImageError(f"{self.name} holds no image {wanted[~here][0]}")
        return rows

    def images(self, ids: Sequence[int] | NDArray[np.int64]) -> Images:
        """Images by their ids, uint8 [n, H, W, C] in that order.

        Raises:
            UnknownImageError: the index holds no such image, or it was removed.
        """
        firsts = [shard.first for shard in self.shards]
        images = np.empty((len(ids), *self.shape), np.uint8)
        for place, row in enumerate(self.rows(ids).tolist()):
            shard = self.shards[bisect_right(firsts, row) - 1]
            images[place] = unpack(shard.tiles, [row - shard.first])[0]
        return images

    def source(self, image_id: int) -> tuple[Source, int]:
        """The dataset that an image comes from, and its place there.

        Raises:
            UnknownImageError: the index holds no such image, or it was removed.
        """
        self.rows([image_id])
        sources = self.manifest.sources
        source = sources[bisect_right([one.first_id for one in sources], image_id) - 1]
        return source, int(image_id) - source.first_id

    def require_calibration(self) -> Calibration:
        """The calibration.

        Raises:
            NotCalibratedError: there is none, or it is stale.
        """
        if self.calibration is None:
            state = "is of an earlier state" if self.manifest.calibration else "is missing"
            raise NotCalibratedError(
                f"{self.directory}: the calibration {state}: run `anime-gan index calibrate`"
            )
        return self.calibration

    def describe(self) -> dict[str, Any]:
        """What the index is, as plain JSON values; the calibration as `Calibration.as_json`."""
        return {
            "name": self.name,
            "definition": self.definition.name,
            "shape": list(self.shape),
            "count": self.count,
            "digest": self.digest,
            "sources": [asdict(source) for source in self.manifest.sources],
            "shards": [
                {
                    "name": shard.name,
                    "first": shard.first,
                    "count": shard.count,
                    "alive": shard.alive_count,
                }
                for shard in self.shards
            ],
            "calibration": self.calibration.as_json() if self.calibration else None,
        }
