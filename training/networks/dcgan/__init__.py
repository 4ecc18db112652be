"""DCGAN (Radford, Metz and Chintala 2016, arXiv:1511.06434) in the shape that the seed gave it."""

from training.networks.dcgan.config import DcganConfig
from training.networks.dcgan.discriminator import Discriminator
from training.networks.dcgan.generator import Generator

__all__ = ["DcganConfig", "Discriminator", "Generator"]
