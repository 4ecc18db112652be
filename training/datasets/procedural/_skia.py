"""The one place that imports Skia, so that a missing library gives one clear message."""

from __future__ import annotations

__all__ = ["SkiaUnavailableError", "skia"]


class SkiaUnavailableError(ImportError):
    """Skia, or a system library that it needs, is not installed."""


try:
    import skia  # type: ignore[import-not-found]
except ModuleNotFoundError as error:
    raise SkiaUnavailableError(
        "drawing procedural faces needs skia-python: install the project's training dependencies"
    ) from error
except ImportError as error:  # the wheel is there, but links to libGL and libEGL
    raise SkiaUnavailableError(
        f"skia-python cannot load a system library ({error}): run `apt-get install libgl1 libegl1`"
    ) from error
