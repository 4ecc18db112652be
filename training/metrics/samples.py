"""Draws the generated images that are measured."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from training.networks.interface import ImageGenerator
from training.networks.pixels import to_uint8

BATCH = 32


@torch.no_grad()
def draw(
    generator: ImageGenerator, seeds: range, truncation: float, device: torch.device
) -> NDArray[np.uint8]:
    """Draw one image per seed, with a progress bar.

    A seed has the latent and the noise that the generator service gives it with NoiseMode.RANDOM.

    Args:
        generator: on `device`.
        seeds: one image each; an image does not depend on the other seeds.
        truncation: psi; 1 for a generator without truncation.
        device: where the generator lies.

    Returns:
        uint8 [N, H, W, C].
    """
    config = generator.config
    parts = []
    with tqdm(total=len(seeds), desc="generated images", unit="image") as bar:
        for first in range(0, len(seeds), BATCH):
            batch = seeds[first : first + BATCH]
            z, noise = _latents(batch, config.z_dim, config.noise_size)
            image = generator.sample(z.to(device), truncation, noise.to(device))
            parts.append(to_uint8(image).cpu().numpy())
            bar.update(len(batch))
    return np.concatenate(parts)


def _latents(seeds: range, z_dim: int, noise_size: int) -> tuple[Tensor, Tensor]:
    """z [B, Z] and noise [B, N], the latter from a stream of its own."""
    z, noise = [], []
    for seed in seeds:
        z.append(_philox(seed).standard_normal(z_dim, dtype=np.float32))
        noise.append(_philox(seed, stream=1).standard_normal(noise_size, dtype=np.float32))
    return torch.from_numpy(np.stack(z)), torch.from_numpy(np.stack(noise))


def _philox(seed: int, stream: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed | stream << 64))
