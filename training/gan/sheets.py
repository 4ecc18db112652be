"""Sample sheets: what a generator draws of fixed seeds, as one picture."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.networks.interface import ImageGenerator
from training.networks.pixels import to_uint8

SHEET_SIDE = 8
SHEET_SEED = 1


@torch.no_grad()
def sample_sheet(generator: ImageGenerator, resolution: int, truncation: float) -> Image.Image:
    """Draw 64 images of fixed latents as one picture, each at the network's full size.

    Args:
        generator: usually the moving average; it is left as it is.
        resolution: the resolution trained so far.
        truncation: psi, for generators that have one.
    """
    shown = copy.deepcopy(generator).eval()
    shown.calibrate()
    randomness = torch.Generator().manual_seed(SHEET_SEED)
    z = torch.randn(SHEET_SIDE**2, shown.config.z_dim, generator=randomness)
    z = z.to(next(shown.parameters()).device)
    psi = truncation if shown.supports_truncation else 1.0
    pixels = to_uint8(shown.sample(z, psi, resolution=resolution)).cpu().numpy()
    scale = shown.config.resolution // resolution
    pixels = pixels.repeat(scale, 1).repeat(scale, 2)
    return tile(pixels, SHEET_SIDE)


def tile(images_NHWC: NDArray[np.uint8], columns: int) -> Image.Image:
    """Put images side by side, row by row; N must fill the rows."""
    count, height, width, channels = images_NHWC.shape
    rows = images_NHWC.reshape(count // columns, columns, height, width, channels)
    pixels = rows.transpose(0, 2, 1, 3, 4).reshape(-1, columns * width, channels)
    return Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)
