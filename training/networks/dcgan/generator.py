"""The generator: a dense layer, reshaped, and four transposed convolutions.

Shape suffixes: B batch, C channels, H height, W width, Z latent dimensions, N flat noise.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.dcgan.config import STRIDES, DcganConfig
from training.networks.dcgan.layers import initialise
from training.networks.interface import ImageGenerator

SLOPE = 0.2
CALIBRATION_BATCH = 256


class Generator(ImageGenerator):
    """z [B, Z] -> image [B, C, H, W] in (-1, 1).

    With batch normalisation, evaluation mode uses the statistics that `calibrate` measured: an
    image does not depend on the other ones of its batch.
    """

    kind = "dcgan"
    supports_truncation = False
    config: DcganConfig

    def __init__(self, config: DcganConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.generator_widths
        self.dense = nn.Linear(
            config.z_dim, widths[0] * config.dense_side**2, bias=config.generator_norm == "none"
        )
        self.convolutions = nn.ModuleList(
            upsampling(config, inputs, outputs, stride)
            for (inputs, outputs), stride in zip(
                pairwise((*widths, config.image_channels)), STRIDES, strict=True
            )
        )
        self.norms = nn.ModuleList(normalisation(config, width) for width in widths)
        initialise(self, config.init)

    def forward(self, z_BZ: Tensor) -> Tensor:
        """Draw one image per z."""
        side = self.config.dense_side
        x: Tensor = self.dense(z_BZ).unflatten(1, (-1, side, side))
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = convolution(F.leaky_relu(norm(x), SLOPE))
        return x.tanh()

    def sample(
        self,
        z_BZ: Tensor,
        truncation: float = 1.0,
        noise_BN: Tensor | None = None,
        resolution: int | None = None,
    ) -> Tensor:
        """Draw one image per z; see `ImageGenerator.sample`. There is no noise and no growing."""
        if truncation != 1:
            raise ValueError(f"truncation: a DCGAN has none, so it must be 1, not {truncation}")
        image: Tensor = self(z_BZ)
        return image

    @torch.no_grad()
    def calibrate(self, samples: int = 4_096) -> None:
        """Set the statistics of batch normalisation to their means over fixed latents.

        Training keeps none: the moving average of weights has other statistics than its weights had
        while they were trained.

        Args:
            samples: latents, in batches of `CALIBRATION_BATCH`.
        """
        norms = [norm for norm in self.norms if isinstance(norm, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
            norm.train()
        randomness = torch.Generator().manual_seed(0)
        for _ in range(samples // CALIBRATION_BATCH if norms else 0):
            z = torch.randn(CALIBRATION_BATCH, self.config.z_dim, generator=randomness)
            self(z.to(self.dense.weight.device))
        for norm in norms:
            norm.momentum = 0.0
            norm.train(self.training)


def upsampling(config: DcganConfig, inputs: int, outputs: int, stride: int) -> nn.ConvTranspose2d:
    """Transposed convolution that multiplies the side by its stride; only the last has a bias."""
    even = config.generator_kernel == 4
    kernel = 3 if even and stride == 1 else config.generator_kernel
    return nn.ConvTranspose2d(
        inputs,
        outputs,
        kernel,
        stride,
        padding=(kernel - 1) // 2,
        output_padding=stride - 1 if kernel % 2 else 0,
        bias=config.generator_norm == "none" or outputs == config.image_channels,
    )


def normalisation(config: DcganConfig, width: int) -> nn.Module:
    """Batch normalisation, whose statistics `calibrate` alone sets, or nothing."""
    return (
        nn.BatchNorm2d(width, momentum=0.0) if config.generator_norm == "batch" else nn.Identity()
    )
