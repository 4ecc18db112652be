"""What scans tiles: the fastest back end that this machine has, or the one that is asked for."""

from __future__ import annotations

from typing import Any, Protocol

from animegan_ssim.backends import native
from animegan_ssim.definition import Definition
from animegan_ssim.tables import Array, Tables
from animegan_ssim.tiles import Tiles


class Backend(Protocol):
    """A way to scan. Safe to call from many threads at once."""

    name: str
    tiles_at_a_time: int
    """Tiles of one call; the engine makes as many calls at a time as it has threads."""

    def hold(self, tiles: Tiles) -> Any:
        """The references as `scan` wants them: where they are, or copied to a GPU."""

    def scan(self, tiles: Any, tables: Tables, definition: Definition) -> Array:
        """SSIM of every query to every lane of some held tiles, float32 [Q, T * 16]."""


class BackendUnavailableError(RuntimeError):
    """This machine cannot run the back end that was asked for."""


def choose(name: str = "auto") -> Backend:
    """The back end of this name; "auto" takes the first of avx512, avx2 and numba.

    "cuda" is taken only where it is asked for: a machine's GPU may serve others.

    Raises:
        BackendUnavailableError: this machine, or this installation, has no such back end.
    """
    available: dict[str, Backend] = {backend.name: backend for backend in native.available()}
    # Only who scans with numba pays for its import: half a second and 80 MB.
    if name == "numba" or (name == "auto" and not available):
        from animegan_ssim.backends.numba_cpu import NumbaBackend

        return NumbaBackend()
    if name == "cuda":
        from animegan_ssim.backends import cuda

        if cuda.available():
            return cuda.CudaBackend()
    if name == "auto":
        return next(iter(available.values()))
    if name not in available:
        raise BackendUnavailableError(
            f"there is no back end {name!r} here; available: {', '.join([*available, 'numba'])}. "
            "The native ones are compiled by `python -m animegan_kernels`"
        )
    return available[name]
