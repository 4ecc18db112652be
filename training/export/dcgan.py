"""The tensor contract of a DCGAN: z -> image, uint8 [H, W, C], rounded inside the graph.

Shape suffixes: B batch, Z latent dimensions.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from training.export.graph import Contract
from training.export.model import UNROUNDED, TensorSpec
from training.networks.dcgan import Generator
from training.networks.pixels import to_uint8

TITLE = "DCGAN"


class GeneratorGraph(nn.Module):
    """z [B, Z] -> image, unrounded."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        """Draw one image per z."""
        image = self.generator(z)
        return to_uint8(image), image


def contracts(generator: Generator) -> list[Contract]:
    """List the one graph that serves this generator."""
    config = generator.config
    side, channels = config.resolution, config.image_channels
    z = TensorSpec("z", "FP32", (config.z_dim,))
    image = (
        TensorSpec("image", "UINT8", (side, side, channels)),
        TensorSpec(UNROUNDED, "FP32", (channels, side, side)),
    )
    return [Contract("generator", "", GeneratorGraph, (z,), image)]


def sizes(generator: Generator) -> dict[str, Any]:
    """What the card tells of this kind alone: nothing."""
    return {}


def default_name(generator: Generator) -> str:
    """Name of the served model if the user gives none."""
    return "dcgan_gray" if generator.config.image_channels == 1 else "dcgan_color"
