"""Exact search: every SSIM of many queries in one pass over the references.

Scores come from a float32 scan whose error the definition bounds. Ranks are exact: whoever could
be among the best k by that bound is scored again in float64, and ties go to the lower row. No
reference is skipped: where the best match is far from 1, as it is for a new face, bounds prune
nothing, and sum and histogram need every score anyway.

All of it is done by `animegan_kernels/search`, in C, which Triton's search backend is made of, too.

Shape suffixes: Q queries, N references, T tiles, C channels, H, W height and width, L lanes.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animegan_kernels.libraries import SEARCH
from animegan_search.ssim.definition import Definition
from animegan_search.ssim.tiles import LANES, Images, Tiles, tile_count

BACKENDS = ("avx512", "avx2", "portable")
HISTOGRAM_BINS = 1000
HISTOGRAM_RANGE = (-1.0, 1.0)

Scores = NDArray[np.float32]


class BackendUnavailableError(RuntimeError):
    """This machine cannot run the back end that was asked for."""


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
        backend: "avx512", "avx2", "portable", or "auto": the fastest that this processor runs.
        threads: cores to use; None: all of this process.

    Raises:
        ValueError: the tiles do not hold `count` images, are smaller than a window, or the engine
            does not know the definition.
        BackendUnavailableError: this processor does not run the back end.
        CompilerError: the library is not built.
        MemoryError: there is none for the threads.
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
        if tiles_TCHWL.ndim != 5 or tiles_TCHWL.shape[-1] != LANES or tiles_TCHWL.dtype != np.int8:
            raise ValueError(
                f"tiles must be int8 [T, C, H, W, {LANES}], "
                f"got {tiles_TCHWL.dtype} {list(tiles_TCHWL.shape)}"
            )
        if tile_count(count) != len(tiles_TCHWL):
            raise ValueError(f"{len(tiles_TCHWL)} tiles cannot hold exactly {count} images")
        _, channels, height, width, _ = tiles_TCHWL.shape
        definition.windows(height, width)
        library = _library()
        self._tiles = np.ascontiguousarray(tiles_TCHWL)
        self._definition = _known(definition)
        self._target = _target(backend)
        self._workers = _started(library.animegan_workers_start(threads or 0))
        stop = weakref.finalize(self, library.animegan_workers_stop, self._workers)
        stop.atexit = False  # threads of Python may be searching still; the process takes all along
        self.count = count
        self.definition = definition
        self.shape = (height, width, channels)

    @property
    def backend_name(self) -> str:
        """Which back end scans."""
        name: bytes = _library().animegan_scan_target_name(self._target)
        return name.decode()

    def scores(self, queries_QHWC: Images) -> Scores:
        """SSIM of every query to every reference, float32 [Q, N].

        Raises:
            ValueError: the queries are not uint8 [Q, H, W, C] of the references' shape.
            MemoryError: there is none for the search.
        """
        queries = self._checked(queries_QHWC)
        scores = np.empty((len(queries), self.count), np.float32)
        arguments = (queries.ctypes.data, len(queries), scores.ctypes.data)
        _succeeded(_library().animegan_scan(self._workers, self._references(None), *arguments))
        return scores

    def search(
        self, queries_QHWC: Images, k: int, alive_N: NDArray[np.bool_] | None = None
    ) -> list[Found]:
        """The best k references of each query, and sum and histogram of all scores.

        Args:
            queries_QHWC: uint8 of the references' shape.
            k: how many; where fewer are alive, all of them.
            alive_N: which references count; None: all.

        Raises:
            ValueError: the queries or `alive_N` have another shape, or k is negative.
            MemoryError: there is none for the search.
        """
        if k < 0:
            raise ValueError(f"k must not be negative, got {k}")
        if alive_N is not None and (alive_N.shape != (self.count,) or alive_N.dtype != np.bool_):
            raise ValueError(
                f"alive must be bool [{self.count}], got {alive_N.dtype} {list(alive_N.shape)}"
            )
        queries = self._checked(queries_QHWC)
        alive = None if alive_N is None else np.ascontiguousarray(alive_N)
        results = (_Found * len(queries))()
        arguments = (queries.ctypes.data, len(queries), min(k, self.count), results)
        _succeeded(_library().animegan_search(self._workers, self._references(alive), *arguments))
        try:
            return [_taken(result, self.count) for result in results]
        finally:
            for result in results:
                _library().animegan_found_free(result)

    def _checked(self, queries: Images) -> Images:
        if queries.dtype != np.uint8 or queries.ndim != 4 or queries.shape[1:] != self.shape:
            raise ValueError(
                f"queries must be uint8 [Q, {', '.join(map(str, self.shape))}], "
                f"got {queries.dtype} {list(queries.shape)}"
            )
        return np.ascontiguousarray(queries)

    def _references(self, alive: NDArray[np.bool_] | None) -> Any:
        """Valid as long as the engine and `alive` are there."""
        height, width, channels = self.shape
        return ctypes.byref(
            _References(
                definition=self._definition,
                target=self._target,
                tiles=self._tiles.ctypes.data,
                alive=None if alive is None else alive.ctypes.data,
                count=self.count,
                channels=channels,
                height=height,
                width=width,
            )
        )


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


class _References(ctypes.Structure):
    """`references` of animegan_kernels/search/engine.h."""

    _fields_ = (
        ("definition", ctypes.c_void_p),
        ("target", ctypes.c_void_p),
        ("tiles", ctypes.c_void_p),
        ("alive", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("channels", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
    )


class _Found(ctypes.Structure):
    """`found`, there."""

    _fields_ = (
        ("k", ctypes.c_int64),
        ("rows", ctypes.POINTER(ctypes.c_int64)),
        ("ssim", ctypes.POINTER(ctypes.c_double)),
        ("count", ctypes.c_int64),
        ("total", ctypes.c_double),
        ("histogram", ctypes.c_int64 * HISTOGRAM_BINS),
        ("scores", ctypes.POINTER(ctypes.c_float)),
    )


@cache
def _library() -> ctypes.CDLL:
    """The engine; while it works, ctypes lets other threads of Python run."""
    library = ctypes.CDLL(str(SEARCH.built()))
    pointer, integer, number = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    search = (pointer, ctypes.POINTER(_References), pointer, number)
    for name, result, arguments in (
        ("definition_called", pointer, (ctypes.c_char_p,)),
        ("scan_target_called", pointer, (ctypes.c_char_p,)),
        ("scan_target_name", ctypes.c_char_p, (pointer,)),
        ("workers_start", pointer, (integer,)),
        ("workers_stop", None, (pointer,)),
        ("scan", integer, (*search, pointer)),
        ("search", integer, (*search, number, ctypes.POINTER(_Found))),
        ("found_free", None, (ctypes.POINTER(_Found),)),
    ):
        function = getattr(library, f"animegan_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def _known(definition: Definition) -> int:
    known: int | None = _library().animegan_definition_called(definition.name.encode())
    if known is None:
        raise ValueError(f"the engine has no SSIM {definition.name!r}")
    return known


def _target(backend: str) -> int:
    name = None if backend == "auto" else backend.encode()
    target: int | None = _library().animegan_scan_target_called(name)
    if target is None:
        runs = [name for name in BACKENDS if _library().animegan_scan_target_called(name.encode())]
        raise BackendUnavailableError(
            f"there is no back end {backend!r} here; available: {', '.join(runs)}"
        )
    return target


def _started(workers: int | None) -> int:
    if workers is None:
        raise MemoryError("no memory for the threads of a search")
    return workers


def _succeeded(status: int) -> None:
    if status != 0:
        raise MemoryError("no memory for the search")


def _taken(result: _Found, count: int) -> Found:
    """What was found, in arrays of its own."""
    return Found(
        rows=_copied(result.rows, result.k, np.int64),
        ssim=_copied(result.ssim, result.k, np.float64),
        count=result.count,
        total=result.total,
        histogram=np.array(result.histogram, np.int64),
        scores=_copied(result.scores, count, np.float32),
    )


def _copied(pointer: Any, count: int, dtype: type[np.generic]) -> NDArray[Any]:
    copy = np.empty(count, dtype)
    ctypes.memmove(copy.ctypes.data, pointer, copy.nbytes)
    return copy
