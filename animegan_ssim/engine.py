"""Exact search: every SSIM of many queries in one pass over the references.

Scores come from a float32 scan whose error the definition bounds. Ranks are exact: whoever could
be among the best k by that bound is scored again in float64, and ties go to the lower row. No
reference is skipped: where the best match is far from 1, as it is for a new face, bounds prune
nothing, and sum and histogram need every score anyway.

Shape suffixes: Q queries, N references, T tiles, C channels, H, W height and width, L lanes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_ssim import backends
from animegan_ssim.definition import Definition
from animegan_ssim.reference import ssim_of_each
from animegan_ssim.tables import Tables
from animegan_ssim.tiles import LANES, Images, Tiles, tile_count, unpack

HISTOGRAM_BINS = 1000
HISTOGRAM_RANGE = (-1.0, 1.0)

_QUERIES = 64  # queries in one pass; more would push a tile's statistics out of the caches

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """What one query found among N references, or among those that are alive.

    Attributes:
        rows: int64 [k], places of the best references, best first; k is at most their number.
        ssim: float64 [k], their scores.
        count: references that are alive.
        total: sum of all their scores.
        histogram: int64 [1000], how many scores fall into each of equal bins over [-1, 1].
        scores: float32 [N], every score, NaN for references that are not alive.
    """

    rows: NDArray[np.int64]
    ssim: NDArray[np.float64]
    count: int
    total: float
    histogram: NDArray[np.int64]
    scores: Scores

    @property
    def mean(self) -> float:
        """Mean score; NaN where there is no reference."""
        return self.total / self.count if self.count else float("nan")


class Engine:
    """Scores queries against references of one shape. Safe to share between threads.

    Args:
        tiles_TCHWL: references as `tiles.pack` lays them out, int8; may be a memory map.
        count: number of references; the last tile's other lanes are padding.
        definition: which SSIM.
        backend: "auto", "avx512", "avx2", "numba" or "cuda".
        threads: cores to use; None: all of this process.

    Raises:
        ValueError: the tiles do not hold `count` images, or are smaller than a window.
        BackendUnavailableError: this machine has no such back end.
    """

    def __init__(
        self,
        tiles_TCHWL: Tiles,
        count: int,
        definition: Definition,
        *,
        backend: str = "auto",
        threads: int | None = None,
    ) -> None:
        if tiles_TCHWL.ndim != 5 or tiles_TCHWL.shape[-1] != LANES:
            raise ValueError(f"tiles must be [T, C, H, W, {LANES}], got {tiles_TCHWL.shape}")
        if tile_count(count) != len(tiles_TCHWL):
            raise ValueError(f"{len(tiles_TCHWL)} tiles cannot hold exactly {count} images")
        _, channels, height, width, _ = tiles_TCHWL.shape
        definition.windows(height, width)
        self._tiles = tiles_TCHWL
        self._backend = backends.choose(backend)
        self._held = self._backend.hold(tiles_TCHWL)
        cores = threads or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="ssim")
        self.count = count
        self.definition = definition
        self.shape = (height, width, channels)

    @property
    def backend_name(self) -> str:
        """Which back end scans."""
        return self._backend.name

    def scores(self, queries_QHWC: Images) -> Scores:
        """SSIM of every query to every reference, float32 [Q, N].

        Raises:
            ValueError: the queries are not uint8 [Q, H, W, C] of the references' shape.
        """
        self._check(queries_QHWC)
        result = np.empty((len(queries_QHWC), len(self._tiles) * LANES), np.float32)
        for first in range(0, len(queries_QHWC), _QUERIES):
            some = slice(first, first + _QUERIES)
            self._scan(self._tables(queries_QHWC[some]), result[some])
        return result[:, : self.count]

    def search(
        self, queries_QHWC: Images, k: int, alive_N: NDArray[np.bool_] | None = None
    ) -> list[Found]:
        """The best k references of each query, and sum and histogram of all scores.

        Args:
            queries_QHWC: uint8 of the references' shape.
            k: how many; where fewer are alive, all of them.
            alive_N: which references count; None: all.

        Raises:
            ValueError: the queries have another shape, or k is negative.
        """
        if k < 0:
            raise ValueError(f"k must not be negative, got {k}")
        scores = self.scores(queries_QHWC)
        if alive_N is not None:
            scores[:, ~alive_N] = np.nan
        found = self._pool.map(lambda query, row: self._found(query, row, k), queries_QHWC, scores)
        return list(found)

    def _check(self, queries: Images) -> None:
        if queries.dtype != np.uint8 or queries.ndim != 4 or queries.shape[1:] != self.shape:
            raise ValueError(
                f"queries must be uint8 [Q, {', '.join(map(str, self.shape))}], "
                f"got {queries.dtype} {list(queries.shape)}"
            )

    def _tables(self, queries: Images) -> Tables:
        height, width, channels = self.shape
        tables = Tables.empty(len(queries), channels, height, width, self.definition)

        def fill(place: int) -> None:
            tables.fill(place, queries[place], self.definition)

        for _ in self._pool.map(fill, range(len(queries))):
            pass
        return tables

    def _scan(self, tables: Tables, result: Scores) -> None:
        some = self._backend.tiles_at_a_time

        def scan(first: int) -> None:
            tiles = self._held[first : first + some]
            scores = self._backend.scan(tiles, tables, self.definition)
            result[:, first * LANES : first * LANES + scores.shape[1]] = scores

        for _ in self._pool.map(scan, range(0, len(self._tiles), some)):
            pass

    def _found(self, query: Images, scores: Scores, k: int) -> Found:
        alive = np.flatnonzero(~np.isnan(scores))
        known = scores[alive].astype(np.float64)
        rows, ssim = self._best(query, alive, known, min(k, len(alive)))
        histogram, _ = np.histogram(known.clip(*HISTOGRAM_RANGE), HISTOGRAM_BINS, HISTOGRAM_RANGE)
        return Found(rows, ssim, len(alive), float(known.sum()), histogram.astype(np.int64), scores)

    def _best(
        self, query: Images, rows: NDArray[np.int64], scores: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The exact best k: rows and float64 scores."""
        if k == 0:
            return np.empty(0, np.int64), np.empty(0)
        last = np.partition(scores, -k)[-k]
        candidates = rows[scores >= last - 2 * self.definition.tolerance]
        exact = ssim_of_each(query, unpack(self._tiles, candidates), self.definition)
        order = np.lexsort((candidates, -exact))[:k]
        return candidates[order], exact[order]


def merge(found: Sequence[tuple[int, Found]], k: int) -> Found:
    """Join what one query found in several shards.

    Args:
        found: for each shard the row of its first reference in the whole, and its answer to the
            same k or a larger one, in ascending order of the first rows.
        k: how many to keep.

    Raises:
        ValueError: there is no shard.
    """
    if not found:
        raise ValueError("no shard has answered")
    rows = np.concatenate([first + part.rows for first, part in found])
    ssim = np.concatenate([part.ssim for _, part in found])
    order = np.lexsort((rows, -ssim))[:k]
    return Found(
        rows=rows[order],
        ssim=ssim[order],
        count=sum(part.count for _, part in found),
        total=float(sum(part.total for _, part in found)),
        histogram=np.sum([part.histogram for _, part in found], axis=0),
        scores=np.concatenate([part.scores for _, part in found]),
    )
