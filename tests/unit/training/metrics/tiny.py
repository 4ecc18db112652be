"""A generator of random weights that draws in a millisecond."""

import torch

from training.networks.stylegan2 import Generator, NetworkConfig


def tiny(resolution: int = 16) -> Generator:
    torch.manual_seed(0)
    config = NetworkConfig(
        resolution, z_dim=8, w_dim=8, mapping_layers=1, channel_base=64, channel_max=8
    )
    generator = Generator(config)
    for to_rgb in generator.synthesis.to_rgb:
        torch.nn.init.normal_(to_rgb.conv.weight_OIHW)
    for layer in generator.synthesis.layers:
        torch.nn.init.constant_(layer.noise_strength, 0.5)
    return generator.eval().requires_grad_(False)
