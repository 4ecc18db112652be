"""The pipeline as a whole: draw what happens to each image of a batch, then do it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.augmentation.colour import draw_colour, recolour
from training.augmentation.dice import Dice
from training.augmentation.geometry import draw_geometry, warp


@dataclass(frozen=True)
class Augmentation:
    """What happens to each image of a batch.

    Attributes:
        geometry: where each point goes, in pixels from the centre, [B, 3, 3].
        colour: what each colour (R, G, B, 1) becomes, [B, 4, 4].
    """

    geometry: Tensor
    colour: Tensor

    @classmethod
    def draw(
        cls, count: int, side: int, p: float, generator: torch.Generator
    ) -> Augmentation | None:
        """Draw for `count` images of `side` pixels; nothing happens at p = 0.

        Args:
            count: images in the batch.
            side: of the images, in pixels.
            p: probability of each operation, in [0, 1].
            generator: where the randomness comes from.
        """
        if p == 0:
            return None
        dice = Dice(count, generator)
        return cls(draw_geometry(dice, p, side), draw_colour(dice, p))

    def rows(self, indices: Tensor) -> Augmentation:
        """The part that belongs to some images of the batch."""
        return Augmentation(self.geometry[indices], self.colour[indices])


def augment(image_BCHW: Tensor, augmentation: Augmentation | None) -> Tensor:
    """Carry out the augmentation, differentiably (once: `grid_sample` has no second derivative).

    Args:
        image_BCHW: float32, square, nominally in [-1, 1].
        augmentation: one draw per image; none returns the images themselves.

    Returns:
        float32 images of the same shape. Those that drew no movement are not resampled.
    """
    if augmentation is None:
        return image_BCHW
    with torch.autocast(image_BCHW.device.type, enabled=False):
        image_BCHW = image_BCHW.float()
        moved = (augmentation.geometry != torch.eye(3)).flatten(1).any(dim=1).nonzero()[:, 0]
        if len(moved) > 0:
            warped = warp(image_BCHW[moved], augmentation.geometry[moved])
            image_BCHW = image_BCHW.index_copy(0, moved.to(image_BCHW.device), warped)
        return recolour(image_BCHW, augmentation.colour)
