"""Colour operations as one affine map of RGB values (Karras et al. 2020, appendix B).

Every operation is a matrix [B, 4, 4] on colours (R, G, B, 1) with values in [-1, 1]. Results may
leave that range: clamping would hide them from the gradient.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from training.augmentation.dice import Dice

# The axis of greys in RGB space.
GREY = torch.tensor([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)
ONTO_GREY = torch.outer(GREY, GREY)


def brightness(dice: Dice) -> Tensor:
    """Add a normal value with deviation 0.2 to all channels."""
    matrix = torch.eye(4).repeat(dice.count, 1, 1)
    matrix[:, :3, 3] = dice.normal(0.2)[:, None]
    return matrix


def contrast(dice: Dice) -> Tensor:
    """Multiply all channels by 2 to the power of a normal value with deviation 0.5."""
    factor = dice.octaves(0.5)
    return torch.diag_embed(torch.stack([factor, factor, factor, torch.ones_like(factor)], dim=1))


def luma_flip(dice: Dice) -> Tensor:
    """Exchange light and dark but keep the hue, for half of the images (a Householder mirror)."""
    return torch.eye(4) - 2 * ONTO_GREY * dice.integer(2)[:, None, None]


def hue(dice: Dice) -> Tensor:
    """Turn the colours around the axis of greys by any angle (Rodrigues' formula)."""
    angle = dice.uniform(math.pi)[:, None, None]
    x, y, z, _ = GREY.tolist()
    cross = torch.zeros(4, 4)
    cross[:3, :3] = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = torch.cos(angle) * (torch.eye(4) - ONTO_GREY) + torch.sin(angle) * cross + ONTO_GREY
    matrix[:, 3] = torch.tensor([0.0, 0.0, 0.0, 1.0])
    return matrix


def saturation(dice: Dice) -> Tensor:
    """Scale the distance from grey by 2 to the power of a normal value with deviation 1."""
    matrix = ONTO_GREY + (torch.eye(4) - ONTO_GREY) * dice.octaves(1.0)[:, None, None]
    matrix[:, 3] = torch.tensor([0.0, 0.0, 0.0, 1.0])
    return matrix


# In the order in which they happen. Grey images have no hue and no saturation.
OPERATIONS: tuple[Callable[[Dice], Tensor], ...] = (
    brightness,
    contrast,
    luma_flip,
    hue,
    saturation,
)


def draw_colour(dice: Dice, p: float) -> Tensor:
    """Draw the whole change of colour of each image, [B, 4, 4]; each operation happens with `p`."""
    matrix = torch.eye(4).repeat(dice.count, 1, 1)
    for operation in OPERATIONS:
        taken = dice.happens(p)[:, None, None]
        matrix = torch.where(taken, operation(dice) @ matrix, matrix)
    return matrix


def recolour(image_BCHW: Tensor, matrix_B44: Tensor) -> Tensor:
    """Map the colours of float32 images in [-1, 1]; grey ones take the part that greys keep to."""
    channels = image_BCHW.shape[1]
    matrix_B44 = matrix_B44.to(image_BCHW.device)
    linear, offset = matrix_B44[:, :3, :3], matrix_B44[:, :3, 3]
    if channels == 1:
        # A grey is mapped to a grey; the mean only rids it of rounding.
        linear = linear.sum(dim=2, keepdim=True).mean(dim=1, keepdim=True)
        offset = offset.mean(dim=1, keepdim=True)
    return torch.einsum("bij,bjhw->bihw", linear, image_BCHW) + offset[:, :, None, None]
