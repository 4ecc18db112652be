"""The discriminator: a residual network (StyleGAN2, figure 7) on images folded by space-to-depth.

Shape suffixes: B batch, C channels, H height, W width.

The paper starts with a 1x1 convolution at full resolution. Folding 2x2 pixels into channels first
keeps every value, starts at half the resolution, and makes the discriminator 2.5 times cheaper at
64 px.
"""

from __future__ import annotations

import math
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.stylegan2.config import NetworkConfig
from training.networks.stylegan2.layers import (
    FLOAT32_SIDE,
    LEAKY_GAIN,
    EqualizedConv2d,
    EqualizedLinear,
    in_float32,
    leaky_relu,
    minibatch_deviation,
)


class FromRGB(nn.Module):
    """Image [B, C, 2H, 2W] -> features [B, O, H, W]."""

    def __init__(self, image_channels: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(4 * image_channels, outputs, kernel)

    def forward(self, image: Tensor) -> Tensor:
        """Fold 2x2 pixels into channels and mix them, in float32."""
        with in_float32(image):
            return leaky_relu(self.conv(F.pixel_unshuffle(image, 2)))


class DownBlock(nn.Module):
    """Residual block that halves the resolution: [B, I, H, W] -> [B, O, H/2, W/2]."""

    def __init__(self, inputs: int, outputs: int, *, smooth: bool = False) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(inputs, inputs, 3, gain=LEAKY_GAIN)
        self.down = EqualizedConv2d(inputs, outputs, 4, gain=LEAKY_GAIN, down=True, smooth=smooth)
        self.skip = EqualizedConv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        residual = leaky_relu(self.down(leaky_relu(self.conv(x))))
        joined: Tensor = self.skip(F.avg_pool2d(x, 2)) + residual
        return joined * math.sqrt(0.5)


class Discriminator(nn.Module):
    """Image [B, C, H, W] in [-1, 1] -> logit [B]: positive means "real".

    It accepts every resolution from 8 px to the configured one (progressive growing).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        sides = config.resolutions  # 4, 8, ..., resolution
        self.from_rgb = nn.ModuleDict(
            {
                str(side): FromRGB(
                    config.image_channels, config.channels(side // 2), config.from_rgb_kernel
                )
                for side in sides[1:]
            }
        )
        self.blocks = nn.ModuleDict(
            {
                str(side): DownBlock(
                    config.channels(side), config.channels(side // 2), smooth=config.smooth
                )
                for side in sides[1:-1]
            }
        )
        width = config.channels(4)
        self.conv = EqualizedConv2d(width + 1, width, 3, gain=LEAKY_GAIN)
        self.dense = EqualizedLinear(width * 16, width, gain=LEAKY_GAIN)
        self.logit = EqualizedLinear(width, 1, gain=LEAKY_GAIN)

    @property
    def depth(self) -> int:
        """Layers that `freeze` can take: FromRGB and every residual block."""
        return 1 + len(self.blocks)

    def freeze(self, layers: int) -> None:
        """Keep the layers nearest to the image as they are (Freeze-D, Mo et al. 2020).

        They know edges and colours, which another set of pictures shares.

        Args:
            layers: 0 freezes none, 1 FromRGB, 2 the finest residual block too, ...

        Raises:
            ValueError: there are fewer layers.
        """
        if not 0 <= layers <= self.depth:
            raise ValueError(f"freeze_d: {layers} is not between 0 and {self.depth}")
        from_rgb, blocks = list(self.from_rgb.values()), list(self.blocks.values())
        for layer in [from_rgb[-1], *reversed(blocks)][:layers]:
            layer.requires_grad_(False)

    def forward(self, image: Tensor, fade: float = 1.0) -> Tensor:
        """Judge images.

        Args:
            image: [B, C, side, side].
            fade: weight of the finest block while it is new; the rest of the weight goes to the
                next coarser input, which sees the picture at half its size (Karras et al. 2018,
                figure 2).
        """
        side = image.shape[-1]
        x = self.from_rgb[str(side)](image)
        while side > 8:
            side //= 2
            if side <= FLOAT32_SIDE // 2:
                with in_float32(x):
                    x = self.blocks[str(side)](x.float())
            else:
                x = self.blocks[str(side)](x)
            if fade < 1:
                coarse = self.from_rgb[str(side)](F.avg_pool2d(image, 2))
                x = coarse + fade * (x - coarse)
                fade = 1.0  # only the finest block is ever new
        with in_float32(x):
            x = leaky_relu(self.conv(minibatch_deviation(x.float())))
            x = leaky_relu(self.dense(x.flatten(1)))
            return cast(Tensor, self.logit(x).squeeze(1))
