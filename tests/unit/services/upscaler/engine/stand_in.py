"""Networks in NumPy, of known margins: what Triton would run, in whole numbers."""

from collections.abc import Sequence

import numpy as np

from services.upscaler.engine.enlarge import enlarge
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.types import UpscalerModel

WHOLE = TileSettings(side=10_000)


def model(
    scale: int = 2,
    margin: int = 2,
    alignment: int = 1,
    *,
    pools_globally: bool = False,
) -> UpscalerModel:
    return UpscalerModel(
        name=f"upscale_numpy_{scale}x",
        version=1,
        description="a filter",
        method="numpy",
        scale=scale,
        noise=-1,
        margin=margin,
        alignment=alignment,
        pools_globally=pools_globally,
        max_batch=8,
        licence="none",
        sha256="",
        metrics={},
    )


async def infer(model: UpscalerModel, tiles: np.ndarray) -> np.ndarray:
    """Every output pixel depends on all input pixels within the margin, each with its own weight.

    With an alignment of 2, and a margin of 1 or more, pairs of pixels are averaged first.
    """
    _, height, width, channels = tiles.shape
    assert channels == 3
    levels = tiles.astype(np.int64)
    margin = model.margin
    if model.alignment == 2:
        levels = _in_pairs(levels)
        margin -= 1
    taps = np.arange(1, 2 * margin + 2)
    padded = np.pad(levels, ((0, 0), (margin, margin), (margin, margin), (0, 0)), "edge")
    rows = sum(w * padded[:, i : i + height] for i, w in enumerate(taps))
    sums = sum(w * rows[:, :, i : i + width] for i, w in enumerate(taps))
    levels = (sums // taps.sum() ** 2)[:, :height, :width]
    large = levels.repeat(model.scale, axis=1).repeat(model.scale, axis=2)
    # The phases of an enlarged pixel differ, as they do in a real network.
    large[:, :: model.scale] = np.maximum(large[:, :: model.scale] - 3, 0)
    return large.astype(np.uint8)


def _in_pairs(levels: np.ndarray) -> np.ndarray:
    """Levels of 2x2 pixels averaged, the border continued where there is no partner."""
    _, height, width, _ = levels.shape
    even = np.pad(levels, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), "edge")
    sums = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
    return (sums // 4).repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]


async def collected(picture, plan, tiles, infer=infer) -> np.ndarray:
    """The whole enlarged picture."""
    strips: Sequence[np.ndarray] = [strip async for strip in enlarge(picture, plan, infer, tiles)]
    return np.concatenate(strips)
