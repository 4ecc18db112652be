"""What a batch of generated images is drawn from. Shape suffixes: B batch, L styles, N noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.networks.stylegan2 import Generator, NetworkConfig


@dataclass(frozen=True)
class Latents:
    """The random input of a StyleGAN2 generator in training.

    Attributes:
        z: normal latents, [B, Z].
        other: second latents for style mixing, [B, Z].
        take_other: which layers take the style of the second latent, bool [B, L].
        noise: flat noise of all layers, [B, N].
    """

    z: Tensor
    other: Tensor | None = None
    take_other: Tensor | None = None
    noise: Tensor | None = None

    @classmethod
    def draw(
        cls,
        count: int,
        network: NetworkConfig,
        mixing: float | None,
        randomness: torch.Generator,
        device: torch.device,
    ) -> Latents:
        """Draw for `count` images.

        Args:
            count: B.
            network: sizes of the generator.
            mixing: share of images drawn from two latents (Karras et al. 2019, section 3.1); none
                draws neither second latents nor noise.
            randomness: on the CPU, so that every device draws the same latents.
            device: where the latents go, and where large noise is drawn.
        """
        z = torch.randn(count, network.z_dim, generator=randomness).to(device)
        if mixing is None:
            return cls(z)
        other = torch.randn(count, network.z_dim, generator=randomness).to(device)
        layers = torch.arange(network.num_layers)
        crossover = torch.randint(1, network.num_layers, (count, 1), generator=randomness)
        mixed = torch.rand(count, 1, generator=randomness) < mixing
        take_other = ((layers >= crossover) & mixed).to(device)
        return cls(z, other, take_other, _noise(count, network.noise_size, randomness, device))

    def rows(self, indices: Tensor) -> Latents:
        """The part that belongs to some images of the batch."""

        def picked(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[indices.to(values.device)]

        z = self.z[indices.to(self.z.device)]
        return Latents(z, picked(self.other), picked(self.take_other), picked(self.noise))

    def styles(self, generator: Generator) -> Tensor:
        """Map them to styles [B, L, W]."""
        w = generator.styles(generator.mapping(self.z))
        if self.other is None or self.take_other is None:
            return w
        other = generator.styles(generator.mapping(self.other))
        return torch.where(self.take_other[:, :, None], other, w)


def _noise(count: int, size: int, randomness: torch.Generator, device: torch.device) -> Tensor:
    """Draw [count, size]; at 256 px that is 175,000 values an image, too slow for a CPU."""
    if device.type == "cpu":
        return torch.randn(count, size, generator=randomness)
    seed = int(torch.randint(2**62, (), generator=randomness))
    on_device = torch.Generator(device).manual_seed(seed)
    return torch.randn(count, size, generator=on_device, device=device)
