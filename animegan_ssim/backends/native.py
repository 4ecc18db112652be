"""The native kernel, loaded from the libraries that `python -m animegan_kernels` compiled."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from animegan_kernels.search import KERNEL
from animegan_ssim.definition import C1, Definition
from animegan_ssim.tables import Array, Tables, contrast_constant
from animegan_ssim.tiles import LANES, Tiles


class _Job(ctypes.Structure):
    """`scan_job` of native/job.h."""

    _fields_ = (
        ("tiles", ctypes.c_void_p),
        ("pixels", ctypes.c_void_p),
        ("windows", ctypes.c_void_p),
        ("tap_sums", ctypes.c_void_p),
        ("scores", ctypes.c_void_p),
        ("tile_count", ctypes.c_int64),
        ("queries", ctypes.c_int64),
        ("channels", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("window", ctypes.c_int32),
        ("luminance", ctypes.c_float),
        ("contrast", ctypes.c_float),
    )


class NativeBackend:
    """Scans with compiled C; ctypes lets other threads run meanwhile."""

    tiles_at_a_time = 8  # so few that all threads end together

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._scan = ctypes.CDLL(str(path)).scan
        self._scan.argtypes = [ctypes.POINTER(_Job)]
        self._scan.restype = ctypes.c_int

    def hold(self, tiles: Tiles) -> Tiles:
        """They are scanned where they are, a memory map too."""
        return tiles

    def scan(self, tiles: Tiles, tables: Tables, definition: Definition) -> Array:
        """SSIM of every query to every lane of the tiles, float32 [Q, T * 16].

        Raises:
            MemoryError: there is no memory for the sums.
        """
        count, channels, height, width, _ = tiles.shape
        tiles = np.ascontiguousarray(tiles)
        scores = np.empty((len(tables), count * LANES), np.float32)
        sums = definition.taps.cumsum()[: definition.window // 2].astype(np.float32)
        job = _Job(
            tiles=tiles.ctypes.data,
            pixels=tables.pixels.ctypes.data,
            windows=tables.windows.ctypes.data,
            tap_sums=None if definition.sigma is None else sums.ctypes.data,
            scores=scores.ctypes.data,
            tile_count=count,
            queries=len(tables),
            channels=channels,
            height=height,
            width=width,
            window=definition.window,
            luminance=C1,
            contrast=contrast_constant(definition),
        )
        if self._scan(ctypes.byref(job)) != 0:
            raise MemoryError(f"no memory to scan {len(tables)} queries at a time")
        return scores


@cache
def available() -> tuple[NativeBackend, ...]:
    """Native back ends that were built and that this processor runs, fastest first."""
    return tuple(NativeBackend(name, path) for name, path in KERNEL.available())
