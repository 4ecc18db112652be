"""Draws the generated images that are measured, when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.networks.interface import ImageGenerator
from training.networks.pixels import to_uint8

BATCH = 32
# Streams of random numbers of a seed, as in services/generator; constant noise is that of seed 0.
_LATENT, _RANDOM_NOISE, _CONSTANT_NOISE = range(3)

Noise = Literal["random", "constant", "none"]
Seeds = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Sampler:
    """The images of a generator, one per seed; place i has seed i.

    An image has the latent and the noise that the generator service gives its seed, and does not
    depend on the other images of its batch.

    Attributes:
        generator: on `device`.
        truncation: psi; 1 for a generator without truncation.
        device: where the generator lies.
        count: images that there are.
        noise_mode: of the layers' noise, one of the service's: each seed's own, the same for all
            (the service's default), or none.
    """

    generator: ImageGenerator
    truncation: float
    device: torch.device
    count: int
    noise_mode: Noise = "random"

    def __len__(self) -> int:
        """Number of images."""
        return self.count

    @torch.no_grad()
    def __getitem__(self, index: Seeds) -> NDArray[np.uint8]:
        """Draw the images of these seeds, [n, H, W, C]."""
        parts = [self._draw(index[first : first + BATCH]) for first in range(0, len(index), BATCH)]
        return np.concatenate(parts)

    def _draw(self, seeds: Seeds) -> NDArray[np.uint8]:
        z, noise = self.latents(seeds), self.noise(seeds)
        image = self.generator.sample(z, self.truncation, noise)
        return to_uint8(image).cpu().numpy()

    def latents(self, seeds: Seeds, stream: int = _LATENT) -> Tensor:
        """Standard normal z [B, Z], one per seed; each stream gives other ones."""
        return self._normal(seeds, self.generator.config.z_dim, stream)

    def noise(self, seeds: Seeds) -> Tensor:
        """Flat noise [B, N], one per seed."""
        size = self.generator.config.noise_size
        match self.noise_mode:
            case "random":
                return self._normal(seeds, size, _RANDOM_NOISE)
            case "constant":
                return self._normal(np.zeros_like(seeds), size, _CONSTANT_NOISE)
            case "none":
                return torch.zeros(len(seeds), size, device=self.device)

    def uniform(self, seeds: Seeds, stream: int) -> Tensor:
        """Numbers in [0, 1), [B, 1], one per seed."""
        numbers = [[_philox(seed, stream).random(dtype=np.float32)] for seed in seeds.tolist()]
        return torch.tensor(numbers, device=self.device)

    def _normal(self, seeds: Seeds, size: int, stream: int) -> Tensor:
        rows = [
            _philox(seed, stream).standard_normal(size, dtype=np.float32) for seed in seeds.tolist()
        ]
        return torch.from_numpy(np.stack(rows)).to(self.device)


def _philox(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed | stream << 64))
