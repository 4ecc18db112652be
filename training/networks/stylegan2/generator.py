"""The generator: a mapping network from z to w and a synthesis network from w to the image.

Shape suffixes: B batch, Z and W latent dimensions, L styles, C channels, N length of the flat
noise.
"""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.interface import ImageGenerator
from training.networks.stylegan2.config import NetworkConfig
from training.networks.stylegan2.layers import (
    FLOAT32_SIDE,
    LEAKY_GAIN,
    EqualizedLinear,
    ModulatedConv2d,
    in_float32,
    leaky_relu,
)

# The mapping network learns a hundred times slower than the rest (Karras et al. 2019, appendix C).
MAPPING_LR_MULTIPLIER = 0.01


class MappingNetwork(nn.Module):
    """z [B, Z] -> w [B, W]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        widths = [config.z_dim] + [config.w_dim] * config.mapping_layers
        self.layers = nn.ModuleList(
            EqualizedLinear(
                inputs,
                outputs,
                gain=LEAKY_GAIN if position else 1.0,
                lr_multiplier=MAPPING_LR_MULTIPLIER,
            )
            for position, (inputs, outputs) in enumerate(itertools.pairwise(widths))
        )

    def forward(self, z_BZ: Tensor) -> Tensor:
        """Normalise z to unit length per dimension and map it, in float32."""
        with in_float32(z_BZ):
            x = z_BZ * torch.rsqrt(z_BZ.square().mean(dim=1, keepdim=True) + 1e-8)
            for layer in self.layers:
                x = leaky_relu(layer(x))
            return x


class StyledLayer(nn.Module):
    """Modulated convolution, noise, bias and leaky ReLU."""

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, *, up: bool = False, smooth: bool = False
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(inputs, outputs, 3, w_dim, up=up, smooth=smooth)
        self.bias_O = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, w_BW: Tensor, noise_B1HW: Tensor | None) -> Tensor:
        """Features [B, I, H, W] -> [B, O, H, W] (twice the size for an `up` layer)."""
        x, demodulation = self.conv(x, w_BW)
        bias = self.bias_O[:, None, None].to(x.dtype)
        x = torch.addcmul(bias, x, cast(Tensor, demodulation).to(x.dtype))
        if noise_B1HW is not None:
            x = x + (noise_B1HW * self.noise_strength).to(x.dtype)
        return leaky_relu(x)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution without demodulation: features -> image channels.

    It starts at zero, so that a block added by progressive growing first leaves the picture as it
    was.
    """

    def __init__(self, inputs: int, channels: int, w_dim: int) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(inputs, channels, 1, w_dim, demodulate=False)
        nn.init.zeros_(self.conv.weight_OIHW)
        self.bias_C = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w_BW: Tensor) -> Tensor:
        """Features [B, I, H, W] -> float32 image [B, C, H, W]."""
        with in_float32(x):
            rgb, _ = self.conv(x.float(), w_BW)
            return cast(Tensor, rgb + self.bias_C[:, None, None])


class SynthesisNetwork(nn.Module):
    """w [B, L, W] -> image [B, C, H, W], nominally in [-1, 1].

    Every resolution adds its RGB to the upsampled sum of the coarser ones (StyleGAN2, figure 7b).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.w_dim
        self.constant = nn.Parameter(torch.randn(1, config.channels(4), 4, 4))
        self.layers = nn.ModuleList([StyledLayer(config.channels(4), config.channels(4), width)])
        self.to_rgb = nn.ModuleList([ToRGB(config.channels(4), config.image_channels, width)])
        for side in config.resolutions[1:]:
            inputs, outputs = config.channels(side // 2), config.channels(side)
            self.layers.append(StyledLayer(inputs, outputs, width, up=True, smooth=config.smooth))
            self.layers.append(StyledLayer(outputs, outputs, width))
            self.to_rgb.append(ToRGB(outputs, config.image_channels, width))

    def forward(
        self, w_BLW: Tensor, noise_BN: Tensor | None = None, resolution: int | None = None
    ) -> Tensor:
        """Draw the image.

        Args:
            w_BLW: one style per layer.
            noise_BN: the flat noise of all layers (`NetworkConfig.noise_size`); none adds no noise.
            resolution: stop at this side (progressive growing); the full one by default.
        """
        return self.draw(w_BLW, noise_BN, resolution)[0]

    def draw(
        self, w_BLW: Tensor, noise_BN: Tensor | None = None, resolution: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw the image and return it with the activations of every layer, coarse to fine."""
        noises = self._noise_maps(noise_BN)
        x = self.constant.expand(w_BLW.shape[0], -1, -1, -1)
        activations: list[Tensor] = []
        image: Tensor | None = None
        for block, side in enumerate(self.config.resolutions):
            last = 2 * block  # index of this block's last layer
            with in_float32(x) if side <= FLOAT32_SIDE else nullcontext():
                for index in range(max(0, last - 1), last + 1):
                    x = self.layers[index](x, w_BLW[:, index], noises[index])
                    activations.append(x)
            rgb = self.to_rgb[block](x, w_BLW[:, last + 1])
            image = rgb if image is None else rgb + upsample(image)
            if side == resolution:
                break
        return cast(Tensor, image), activations

    def _noise_maps(self, noise_BN: Tensor | None) -> list[Tensor | None]:
        sides = self.config.noise_sizes
        if noise_BN is None:
            return [None] * len(sides)
        flat = torch.split(noise_BN, [side * side for side in sides], dim=1)
        return [part.reshape(-1, 1, side, side) for part, side in zip(flat, sides, strict=True)]


def upsample(image: Tensor) -> Tensor:
    """Double the resolution with the [1, 3, 3, 1] filter, which is bilinear interpolation."""
    return F.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)


class Generator(ImageGenerator):
    """z [B, Z] -> image [B, C, H, W], nominally in [-1, 1].

    Attributes:
        w_avg: mean of w, [W], the centre of truncation; set by `estimate_w_avg`.
    """

    kind = "stylegan2"
    supports_truncation = True
    config: NetworkConfig
    w_avg: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self, z_BZ: Tensor, truncation_B1: Tensor | None = None, noise_BN: Tensor | None = None
    ) -> Tensor:
        """Draw one image per z.

        Args:
            z_BZ: standard normal latents.
            truncation_B1: psi for each image; 1 (also the default) leaves w as it is, 0 gives the
                mean.
            noise_BN: see `SynthesisNetwork.forward`.
        """
        w_BLW = self.styles(self.mapping(z_BZ), truncation_B1)
        image: Tensor = self.synthesis(w_BLW, noise_BN)
        return image

    def sample(
        self,
        z_BZ: Tensor,
        truncation: float = 1.0,
        noise_BN: Tensor | None = None,
        resolution: int | None = None,
    ) -> Tensor:
        """Draw one image per z, all with one psi; see `ImageGenerator.sample`."""
        truncation_B1 = torch.full((len(z_BZ), 1), truncation, device=z_BZ.device)
        w_BLW = self.styles(self.mapping(z_BZ), truncation_B1)
        image: Tensor = self.synthesis(w_BLW, noise_BN, resolution)
        return image

    def calibrate(self) -> None:
        """Set `w_avg`."""
        self.estimate_w_avg()

    def styles(self, w_BW: Tensor, truncation_B1: Tensor | None = None) -> Tensor:
        """Truncate w towards its mean (Karras et al. 2019, section B), one copy per layer."""
        if truncation_B1 is not None:
            w_BW = self.w_avg + truncation_B1 * (w_BW - self.w_avg)
        return w_BW[:, None, :].expand(-1, self.config.num_layers, -1)

    @torch.no_grad()
    def estimate_w_avg(self, samples: int = 65_536, seed: int = 0) -> None:
        """Set `w_avg` to the mean of w over `samples` latents drawn from `seed`."""
        z = torch.randn(samples, self.config.z_dim, generator=torch.Generator().manual_seed(seed))
        self.w_avg.copy_(self.mapping(z.to(self.w_avg.device)).mean(dim=0))
