"""The copy detector's network: a small residual network with generalised-mean pooling.

As in SSCD (Pizzi et al. 2022, arXiv:2202.10261), the picture is pooled by a generalised mean and
projected to a short vector of unit length. The trunk is a pre-activation-free ResNet (He et al.
2016) cut down to what a CPU trains in half an hour.

Shape suffixes: B batch, C channels, H height, W width, E embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Pixels per side that the first layer gathers into channels: full-size maps would cost the most.
PATCH = 2
# Exponent of the generalised mean before training (Radenovic et al. 2018: 3).
POOLING_EXPONENT = 3.0
# Below it the root of the generalised mean has no usable gradient.
SMALLEST = 1e-6


@dataclass(frozen=True)
class DetectorConfig:
    """Sizes of the network.

    Attributes:
        resolution: side of the square RGB image in pixels.
        widths: feature maps of the stages; each but the first halves the side.
        blocks: residual blocks of each stage; the first may do with the stem alone.
        embedding: E, length of the vector.

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    resolution: int = 64
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: tuple[int, ...] = (0, 1, 2)
    embedding: int = 128

    def __post_init__(self) -> None:
        """Refuse what no network can be built from; JSON's lists become tuples."""
        for name in ("widths", "blocks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths: {self.widths} must be numbers of feature maps")
        if len(self.blocks) != len(self.widths) or min(self.blocks[1:], default=1) < 1:
            raise ValueError(f"blocks: {self.blocks} must be one number for each of widths")
        factor = PATCH * 2 ** (len(self.widths) - 1)
        if self.resolution < factor or self.resolution % factor:
            raise ValueError(f"resolution: {self.resolution} is not a multiple of {factor}")
        if self.embedding < 1:
            raise ValueError(f"embedding: {self.embedding} is less than 1")


class Block(nn.Module):
    """Two convolutions beside a shortcut, [B, I, H, W] -> [B, O, H/stride, W/stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            # Averaging first keeps the pixels that a strided 1x1 convolution would skip.
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride), nn.Conv2d(inputs, outputs, 1, bias=False)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class CopyDetector(nn.Module):
    """Image float [B, 3, H, W] in [-1, 1] -> embedding float32 [B, E] of unit length."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv2d(3 * PATCH**2, config.widths[0], 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(config.widths[0])
        layers: list[nn.Module] = []
        inputs = config.widths[0]
        for stage, (width, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Block(inputs, width, stride))
                inputs = width
        self.blocks = nn.Sequential(*layers)
        self.widen = nn.Conv2d(inputs, 2 * inputs, 1)
        self.exponent = nn.Parameter(torch.tensor(POOLING_EXPONENT))
        self.project = nn.Linear(2 * inputs, config.embedding)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Embed images; each one's vector does not depend on its batch once training is over."""
        x = F.pixel_unshuffle(image_BCHW, PATCH)
        x = F.relu(self.stem_norm(self.stem(x)))
        x = F.relu(self.widen(self.blocks(x)))
        return F.normalize(self.project(self._pool(x)).float())

    def _pool(self, x_BCHW: Tensor) -> Tensor:
        """The generalised mean over the picture, [B, C], in float32: powers overflow bfloat16."""
        with torch.autocast(x_BCHW.device.type, enabled=False):
            powers = x_BCHW.float().clamp(min=SMALLEST).pow(self.exponent)
            return powers.mean(dim=(2, 3)).pow(1 / self.exponent)
