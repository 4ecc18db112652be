"""The discriminator: convolutions of stride 2 and a dense layer.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.networks.dcgan.config import DcganConfig
from training.networks.dcgan.layers import initialise
from training.networks.stylegan2.layers import minibatch_deviation

SLOPE = 0.2


class Discriminator(nn.Module):
    """Image [B, C, H, W] in [-1, 1] -> logit [B]: positive means "real"."""

    def __init__(self, config: DcganConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.discriminator_widths
        kernel = config.discriminator_kernel
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, 2, padding=(kernel - 1) // 2)
            for inputs, outputs in pairwise((config.image_channels, *widths))
        )
        batch_norm = config.discriminator_norm == "batch"
        # None on the first layer (Radford et al., section 3).
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if batch_norm and position else nn.Identity()
            for position, width in enumerate(widths)
        )
        side = config.resolution // 2 ** len(widths)
        self.logit = nn.Linear((widths[-1] + config.minibatch_deviation) * side**2, 1)
        initialise(self, config.init)
        if config.discriminator_norm == "spectral":
            for layer in (*self.convolutions, self.logit):
                spectral_norm(layer)

    def forward(self, image: Tensor) -> Tensor:
        """Judge images."""
        x = image
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.leaky_relu(norm(convolution(x)), SLOPE)
            x = F.dropout(x, self.config.dropout, self.training)
        if self.config.minibatch_deviation:
            x = minibatch_deviation(x)
        logits: Tensor = self.logit(x.flatten(1))
        return logits.squeeze(1).float()
