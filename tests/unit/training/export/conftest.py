"""A tiny generator whose every parameter has an effect on the picture."""

import pytest
import torch

from training.networks.stylegan2 import Generator, NetworkConfig

TINY = NetworkConfig(
    resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8
)


def tiny_generator(noise_strength: float, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    generator = Generator(TINY)
    for to_rgb in generator.synthesis.to_rgb:  # zero at the start of a training
        torch.nn.init.normal_(to_rgb.conv.weight_OIHW)
    for layer in generator.synthesis.layers:
        torch.nn.init.normal_(layer.bias_O, std=0.1)
        torch.nn.init.constant_(layer.noise_strength, noise_strength)
    generator.estimate_w_avg(samples=256)
    return generator.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def noisy() -> Generator:
    return tiny_generator(noise_strength=0.1)


@pytest.fixture(scope="session")
def plain() -> Generator:
    return tiny_generator(noise_strength=0.0)
