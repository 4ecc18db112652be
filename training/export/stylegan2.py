"""The four tensor contracts of a StyleGAN2 as ONNX graphs with a dynamic batch.

| contract  | inputs                  | outputs                                                    |
|-----------|-------------------------|------------------------------------------------------------|
| generator | z, truncation [, noise] | image                                                      |
| mapping   | z                       | w                                                          |
| synthesis | w [, noise]             | image                                                      |
| layers    | w [, noise]             | image, layer_00, layer_01, ... (coarse to fine)            |

`noise` is the flat noise of all layers. It is an input only if some layer learnt a noise strength
other than zero; without it there would be nothing to vary.

`image` is uint8 [H, W, C], rounded inside the graph: a quarter of the bytes of floats leave it.

Shape suffixes: B batch, Z and W latent dimensions, L styles, N flat noise.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from training.export.graph import Contract
from training.export.model import UNROUNDED, TensorSpec
from training.networks.pixels import to_uint8
from training.networks.stylegan2 import Generator, StyledLayer

TITLE = "StyleGAN2"


class GeneratorGraph(nn.Module):
    """z [B, Z], truncation [B, 1] [, noise [B, N]] -> image, unrounded."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self, z: Tensor, truncation: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Draw one image per z."""
        image = self.generator(z, truncation, noise)
        return to_uint8(image), image


class MappingGraph(nn.Module):
    """z [B, Z] -> w [B, W], not truncated."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.mapping = generator.mapping

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        """Map latents."""
        return (self.mapping(z),)


class SynthesisGraph(nn.Module):
    """w [B, L, W] [, noise [B, N]] -> image, unrounded."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.synthesis = generator.synthesis

    def forward(self, w: Tensor, noise: Tensor | None = None) -> tuple[Tensor, ...]:
        """Draw one image per stack of styles."""
        image = self.synthesis(w, noise)
        return to_uint8(image), image


class LayersGraph(nn.Module):
    """w [B, L, W] [, noise [B, N]] -> image, unrounded, activations of every layer [B, C, H, W]."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.synthesis = generator.synthesis

    def forward(self, w: Tensor, noise: Tensor | None = None) -> tuple[Tensor, ...]:
        """Draw and show the work."""
        image, activations = self.synthesis.draw(w, noise)
        return to_uint8(image), image, *activations


def contracts(generator: Generator) -> list[Contract]:
    """List the four graphs that serve this generator."""
    config = generator.config
    z = TensorSpec("z", "FP32", (config.z_dim,))
    w = TensorSpec("w", "FP32", (config.num_layers, config.w_dim))
    truncation = TensorSpec("truncation", "FP32", (1,))
    noise = (TensorSpec("noise", "FP32", (config.noise_size,)),) if uses_noise(generator) else ()
    side, channels = config.resolution, config.image_channels
    image = (
        TensorSpec("image", "UINT8", (side, side, channels)),
        TensorSpec(UNROUNDED, "FP32", (channels, side, side)),
    )
    mapped = (TensorSpec("w", "FP32", (config.w_dim,)),)
    activations = tuple(
        TensorSpec(f"layer_{index:02d}", "FP32", (config.channels(side), side, side))
        for index, side in enumerate(config.noise_sizes)
    )
    return [
        Contract("generator", "", GeneratorGraph, (z, truncation, *noise), image, instances=2),
        Contract("mapping", "_mapping", MappingGraph, (z,), mapped),
        Contract("synthesis", "_synthesis", SynthesisGraph, (w, *noise), image),
        Contract("layers", "_layers", LayersGraph, (w, *noise), image + activations),
    ]


def sizes(generator: Generator) -> dict[str, Any]:
    """What the cards tell of this kind alone."""
    return {"w_dim": generator.config.w_dim, "num_layers": generator.config.num_layers}


def default_name(generator: Generator) -> str:
    """Name of the served model if the user gives none."""
    return "stylegan"


def uses_noise(generator: Generator) -> bool:
    """Whether any layer gives the noise a strength other than exactly zero."""
    return any(bool(strength != 0) for strength in _noise_strengths(generator))


def without_noise(generator: Generator) -> Generator:
    """Copy a generator and set its noise strengths to zero: its graphs have no noise input."""
    quiet = copy.deepcopy(generator)
    for strength in _noise_strengths(quiet):
        nn.init.zeros_(strength)
    return quiet


def _noise_strengths(generator: Generator) -> list[nn.Parameter]:
    return [
        layer.noise_strength
        for layer in generator.synthesis.layers
        if isinstance(layer, StyledLayer)
    ]
