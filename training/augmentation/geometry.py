"""Pixel blitting and geometric operations as one affine warp (Karras et al. 2020, appendix B).

Every operation is a matrix [B, 3, 3] that maps a point of the image to where it goes, in pixels
from the centre, x to the right and y down. Their product is carried out at once, at twice the
resolution, so that neither shrinking nor turning aliases.

Two departures from the paper. Its low-pass filter (the wavelet sym6) is not symmetric, which blurs
mirrored images (39 dB on procedural faces); ours is a Kaiser-windowed sinc that keeps mirrored,
quarter-turned and shifted images to 62 dB, a fifth of a level of 255. And it pads each batch by
what the largest movement needs; we mirror the coordinates instead, which is the same picture as
endless mirrored padding and keeps the size of every tensor fixed.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from training.augmentation.dice import Dice

TAPS = 16
# Source pixels beyond the border that the filter reaches.
MARGIN = TAPS // 4


def scale2d(x: Tensor, y: Tensor) -> Tensor:
    """Stretch: [B], [B] -> [B, 3, 3]."""
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def rotate2d(angle: Tensor) -> Tensor:
    """Turn clockwise on the screen (y points down) by radians: [B] -> [B, 3, 3]."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


def translate2d(x: Tensor, y: Tensor) -> Tensor:
    """Move by pixels: [B], [B] -> [B, 3, 3]."""
    matrix = torch.eye(3).repeat(len(x), 1, 1)
    matrix[:, 0, 2], matrix[:, 1, 2] = x, y
    return matrix


def mirror(dice: Dice, side: int) -> Tensor:
    """Mirror half of the images left to right."""
    return scale2d(1 - 2 * dice.integer(2), torch.ones(dice.count))


def quarter_turns(dice: Dice, side: int) -> Tensor:
    """Turn by 0, 90, 180 or 270 degrees."""
    return rotate2d(dice.integer(4) * (math.pi / 2))


def whole_pixels(dice: Dice, side: int) -> Tensor:
    """Move by whole pixels, an eighth of the side at most."""
    return translate2d(*((dice.uniform(0.125) * side).round() for _ in range(2)))


def zoom(dice: Dice, side: int) -> Tensor:
    """Scale by 2 to the power of a normal value with deviation 0.2."""
    factor = dice.octaves(0.2)
    return scale2d(factor, factor)


def rotation(dice: Dice, side: int) -> Tensor:
    """Turn by any angle."""
    return rotate2d(dice.uniform(math.pi))


def stretch(dice: Dice, side: int) -> Tensor:
    """Widen and flatten, or narrow and heighten, by the same factor."""
    factor = dice.octaves(0.2)
    return scale2d(factor, 1 / factor)


def shift(dice: Dice, side: int) -> Tensor:
    """Move by a normal value with a deviation of an eighth of the side."""
    return translate2d(*(dice.normal(0.125) * side for _ in range(2)))


# In the order in which they happen. The two rotations share their probability.
OPERATIONS: tuple[Callable[[Dice, int], Tensor], ...] = (
    mirror,
    quarter_turns,
    whole_pixels,
    zoom,
    rotation,
    stretch,
    rotation,
    shift,
)


def draw_geometry(dice: Dice, p: float, side: int) -> Tensor:
    """Draw the whole movement of each image, [B, 3, 3].

    Args:
        dice: one value per image.
        p: probability of each operation, the two rotations taken together.
        side: of the images, in pixels.
    """
    matrix = torch.eye(3).repeat(dice.count, 1, 1)
    for operation in OPERATIONS:
        chance = 1 - math.sqrt(1 - p) if operation is rotation else p
        taken = dice.happens(chance)[:, None, None]
        matrix = torch.where(taken, operation(dice, side) @ matrix, matrix)
    return matrix


def warp(image_BCHW: Tensor, matrix_B33: Tensor) -> Tensor:
    """Move the content of square images.

    Args:
        image_BCHW: float32.
        matrix_B33: where each point goes, in pixels from the centre.

    Returns:
        Images of the same shape; what comes in from outside is mirrored at the border.
    """
    side = image_BCHW.shape[-1]
    up, down = resampling(side, image_BCHW.device)
    fine = up @ image_BCHW @ up.t()
    # Where the samples come from that the way back needs. Mirroring at the centres of the outermost
    # pixels is what "reflection" does here, as `fine` ends half a sample beside them.
    offsets = sample_positions(side) - (side - 1) / 2
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).flatten(0, 1)
    sources = points @ torch.linalg.inv(matrix_B33)[:, :2].transpose(1, 2)
    grid = (sources * (2 / (side - 1))).unflatten(1, x.shape).to(image_BCHW.device)
    moved = F.grid_sample(
        fine, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return down @ moved @ down.t()


def sample_positions(side: int) -> Tensor:
    """Where the samples of twice the resolution lie that the filter reaches, in source pixels."""
    return (torch.arange(2 * side + TAPS - 2, dtype=torch.float32) - (TAPS - 1) / 2) / 2


@cache
def resampling(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The matrices that double and halve one dimension.

    Returns:
        `up` [2 side - 2, side]: the samples between the centres of the outermost pixels, with the
        image mirrored at its border; `down` [side, 2 side + TAPS - 2]. Float32.
    """
    # Column j of `spread` is the filter on the fine grid, centred at pixel j - MARGIN.
    padded = side + 2 * MARGIN
    spread = torch.zeros(2 * padded + TAPS - 2, padded)
    for column in range(padded):
        spread[2 * column : 2 * column + TAPS, column] = lowpass()
    down = spread[: 2 * side + TAPS - 2, :side].t()
    mirrored = F.pad(torch.eye(side)[None], (MARGIN, MARGIN), mode="reflect")[0].t()
    up = 2 * (spread @ mirrored)[TAPS:-TAPS]
    return up.to(device), down.contiguous().to(device)


def lowpass() -> Tensor:
    """The filter of both ways, [TAPS], with sum 1.

    Cut-off and window were chosen so that doubling and halving give the image back: the filter's
    convolution with itself is next to zero at every even lag but the central one.
    """
    position = torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2
    window = torch.kaiser_window(TAPS, periodic=False, beta=5.0, dtype=torch.float64)
    taps = torch.sinc(0.55 * position) * window
    return (taps / taps.sum()).float()
