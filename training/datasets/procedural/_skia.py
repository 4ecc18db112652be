"""The one place that imports Skia, so that a missing library gives one clear message."""

from __future__ import annotations

import ctypes

from animegan_kernels.compiler import CompilerError
from animegan_kernels.libraries import GRAPHICS

__all__ = ["SkiaUnavailableError", "skia"]


class SkiaUnavailableError(ImportError):
    """Skia, or a library that it needs, is not installed."""


try:
    import skia  # type: ignore[import-not-found]
except ModuleNotFoundError as error:
    raise SkiaUnavailableError(
        "drawing procedural faces needs skia-python: install the project's training dependencies"
    ) from error
except ImportError as error:  # the wheel is there, but links to libGL and libEGL
    try:
        for library in GRAPHICS:
            ctypes.CDLL(str(library.built()))  # under the name that the wheel asks for
        import skia
    except (CompilerError, ImportError) as still:
        remedy = f"{still}; or `apt-get install libgl1 libegl1`"
        raise SkiaUnavailableError(f"skia-python cannot be loaded ({error}): {remedy}") from still
