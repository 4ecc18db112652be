"""StyleGAN2, from the papers (Karras et al. 2019, arXiv:1812.04948; 2020, arXiv:1912.04958).

No code of NVIDIA's implementations was used. Where this network departs from the paper, the module
that does so says it and why.
"""

from training.networks.stylegan2.config import NetworkConfig
from training.networks.stylegan2.discriminator import Discriminator
from training.networks.stylegan2.generator import (
    Generator,
    MappingNetwork,
    StyledLayer,
    SynthesisNetwork,
)

__all__ = [
    "Discriminator",
    "Generator",
    "MappingNetwork",
    "NetworkConfig",
    "StyledLayer",
    "SynthesisNetwork",
]
