"""Random copies for training: what a copyist might do to an image, a whole batch at a time.

The benchmark has its own code for its transformations (`training.copies.transformations`, Pillow):
the network is not measured by what it was trained with.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from training.augmentation.colour import brightness, contrast, hue, recolour, saturation
from training.augmentation.dice import Dice
from training.augmentation.geometry import rotate2d, scale2d, translate2d
from training.networks.pixels import to_uint8

# What comes in from outside the image: grey, its border, or its mirror image.
PADDINGS = ("zeros", "border", "reflection")
BLUR_TAPS = 13

View = Callable[[Tensor, Dice], Tensor]


def random_copies(image_BCHW: Tensor, generator: torch.Generator) -> Tensor:
    """Change each image of a batch in its own way.

    Args:
        image_BCHW: float32 in [-1, 1], square, on the CPU.
        generator: decides what happens to which image.

    Returns:
        Copies of the same shape, in [-1, 1]; about one in 200 is unchanged.
    """
    for view, share in VIEWS:
        chosen = Dice(len(image_BCHW), generator).happens(share).nonzero()[:, 0]
        if len(chosen) > 0:
            changed = view(image_BCHW[chosen], Dice(len(chosen), generator)).clamp(-1, 1)
            image_BCHW = image_BCHW.index_copy(0, chosen, changed)
    return image_BCHW


def mirror(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Left to right."""
    return image_BCHW.flip(3)


def overlay(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Paste a box or a disc over up to half of each side: another image's, or one colour."""
    height, width = image_BCHW.shape[2:]
    half_y, half_x = (0.05 + 0.45 * dice.uniform(1).abs() for _ in range(2))
    offset_y, offset_x = dice.uniform(1), dice.uniform(1)
    y = torch.linspace(-1, 1, height)[None, :, None] - offset_y[:, None, None]
    x = torch.linspace(-1, 1, width)[None, None, :] - offset_x[:, None, None]
    y, x = (y / half_y[:, None, None]).abs(), (x / half_x[:, None, None]).abs()
    box, disc = (y < 1) & (x < 1), y.square() + x.square() < 1
    inside = torch.where(dice.happens(0.5)[:, None, None], box, disc)[:, None]
    colour = torch.stack([dice.uniform(1) for _ in range(3)], dim=1)[:, :, None, None]
    strange = dice.happens(0.5)[:, None, None, None]
    pasted = torch.where(strange, image_BCHW.roll(1, 0), colour)
    opacity = 1 - 0.5 * dice.uniform(1).clamp(min=0)[:, None, None, None]
    return torch.lerp(image_BCHW, pasted, inside * opacity)


def move(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Cut out or shrink, stretch, turn and shift."""
    side = 0.8 + 0.35 * dice.uniform(1)  # of the window that is seen: 0.45 to 1.15
    aspect = torch.exp(dice.uniform(0.2))
    angle = dice.uniform(math.radians(25)) * dice.happens(0.5)
    # A smaller window has more room to be somewhere else.
    room = (1 - side).clamp(min=0) + 0.1
    shift = translate2d(*(dice.uniform(1) * room for _ in range(2)))
    matrix = shift @ rotate2d(angle) @ scale2d(side * aspect, side / aspect)
    padding = PADDINGS[int(torch.randint(len(PADDINGS), (1,), generator=dice.generator))]
    grid = F.affine_grid(matrix[:, :2], list(image_BCHW.shape), align_corners=False)
    return F.grid_sample(image_BCHW, grid, padding_mode=padding, align_corners=False)


def change_colours(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Brightness, contrast, hue, saturation (a tenth turn grey), and gamma."""
    matrix = torch.eye(4).repeat(dice.count, 1, 1)
    for operation, share in ((brightness, 0.6), (contrast, 0.6), (hue, 0.4), (saturation, 0.5)):
        taken = dice.happens(share)[:, None, None]
        matrix = torch.where(taken, operation(dice) @ matrix, matrix)
    image_BCHW = recolour(image_BCHW, matrix).clamp(-1, 1)
    grey = image_BCHW.mean(dim=1, keepdim=True).expand_as(image_BCHW)
    image_BCHW = torch.where(dice.happens(0.1)[:, None, None, None], grey, image_BCHW)
    gamma = dice.octaves(0.4)[:, None, None, None]
    return ((image_BCHW + 1) / 2).clamp(min=1e-6).pow(gamma) * 2 - 1


def blur(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """A Gaussian of 0.3 to 2.8 pixels."""
    count, channels, height, width = image_BCHW.shape
    sigma = 0.3 + 2.5 * dice.uniform(1).abs()
    position = torch.arange(BLUR_TAPS) - BLUR_TAPS // 2
    taps = torch.exp(-0.5 * (position / sigma[:, None]).square())
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None, None]
    x = image_BCHW.reshape(1, count * channels, height, width)
    reach = BLUR_TAPS // 2
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), taps, groups=x.shape[1])
    taps = taps.transpose(2, 3)
    x = F.conv2d(F.pad(x, (0, 0, reach, reach), mode="replicate"), taps, groups=x.shape[1])
    return x.reshape(image_BCHW.shape)


def rescale(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Shrink to between a sixth and nine tenths, and enlarge again; all of a batch alike."""
    side = image_BCHW.shape[-1]
    factor = 0.53 + 0.37 * float(dice.uniform(1)[0])
    small = F.interpolate(image_BCHW, max(1, round(side * factor)), mode="bilinear", antialias=True)
    return F.interpolate(small, side, mode="bilinear")


def noise(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Normal noise with a deviation of up to 38 of 255 levels."""
    deviation = 0.3 * dice.uniform(1).abs()[:, None, None, None]
    return image_BCHW + deviation * torch.randn(image_BCHW.shape, generator=dice.generator)


def jpeg(image_BCHW: Tensor, dice: Dice) -> Tensor:
    """Compress with a quality of 5 to 80."""
    qualities = (5 + 75 * dice.uniform(1).abs()).int().tolist()
    levels = to_uint8(image_BCHW).numpy()
    pairs = zip(levels, qualities, strict=True)
    decoded = np.stack([compressed(image, quality) for image, quality in pairs])
    return torch.from_numpy(decoded).permute(0, 3, 1, 2).float() / 127.5 - 1


def compressed(image_HWC: np.ndarray, quality: int) -> np.ndarray:
    """What JPEG leaves of an image, uint8 [H, W, 3]."""
    file = io.BytesIO()
    Image.fromarray(image_HWC).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)


# In the order in which they happen, each with the share of images that it happens to.
VIEWS: tuple[tuple[View, float], ...] = (
    (overlay, 0.3),
    (mirror, 0.5),
    (move, 0.7),
    (change_colours, 0.6),
    (blur, 0.2),
    (rescale, 0.2),
    (noise, 0.2),
    (jpeg, 0.25),
)
