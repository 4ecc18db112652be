"""From a network's values to pixels: one rule of rounding for measuring and serving."""

from __future__ import annotations

import torch
from torch import Tensor


def to_uint8(image_BCHW: Tensor) -> Tensor:
    """Image in [-1, 1] -> uint8 [B, H, W, C].

    The nearest level of (x + 1) * 127.5, written as floor(x * 127.5 + 128) after clamping to
    0..255: casting a non-negative float to an integer rounds down, in PyTorch and in ONNX.
    """
    levels = (image_BCHW.float() * 127.5 + 128).clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1)
