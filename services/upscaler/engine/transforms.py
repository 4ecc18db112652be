"""Test-time augmentation: the mean over the eight symmetries of the square."""

import numpy as np

from services.upscaler.engine.passes import Infer, Tiles
from services.upscaler.models import UpscalerModel

_MIRROR, _FLIP, _TRANSPOSE = 1, 2, 4  # they generate the dihedral group D4
_SYMMETRIES = 8


def augmented(infer: Infer) -> Infer:
    """Run a model on eight flips and turns of its tiles; give the mean, rounded once, halves up.

    It takes eight times as long. The levels that are averaged are those that models give: whole
    numbers.
    """

    async def mean(model: UpscalerModel, tiles: Tiles) -> Tiles:
        n, height, width, channels = tiles.shape
        shape = (n, height * model.scale, width * model.scale, channels)
        total = np.full(shape, _SYMMETRIES // 2, np.uint16)
        for symmetry in range(_SYMMETRIES):
            moved = np.ascontiguousarray(_moved(tiles, symmetry))
            total += _moved_back(await infer(model, moved), symmetry)
        return (total // _SYMMETRIES).astype(np.uint8)

    return mean


def _moved(tiles: Tiles, symmetry: int) -> Tiles:
    tiles = tiles.swapaxes(1, 2) if symmetry & _TRANSPOSE else tiles
    tiles = tiles[:, ::-1] if symmetry & _FLIP else tiles
    return tiles[:, :, ::-1] if symmetry & _MIRROR else tiles


def _moved_back(tiles: Tiles, symmetry: int) -> Tiles:
    tiles = tiles[:, :, ::-1] if symmetry & _MIRROR else tiles
    tiles = tiles[:, ::-1] if symmetry & _FLIP else tiles
    return tiles.swapaxes(1, 2) if symmetry & _TRANSPOSE else tiles
