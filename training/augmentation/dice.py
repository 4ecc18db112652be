"""Random numbers for the operations of the pipeline: one value per image of a batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Dice:
    """Draws of shape [B] on the CPU, so that every kind of device sees the same ones.

    Args:
        count: B, images in the batch.
        generator: where the randomness comes from.
    """

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count = count
        self.generator = generator

    def happens(self, p: float) -> Tensor:
        """True with probability `p`."""
        return torch.rand(self.count, generator=self.generator) < p

    def integer(self, sides: int) -> Tensor:
        """0 ... sides - 1, all alike; float32."""
        return torch.randint(sides, (self.count,), generator=self.generator).float()

    def uniform(self, bound: float) -> Tensor:
        """Uniform between -bound and bound."""
        return (2 * torch.rand(self.count, generator=self.generator) - 1) * bound

    def normal(self, deviation: float) -> Tensor:
        """Normal with mean 0."""
        return torch.randn(self.count, generator=self.generator) * deviation

    def octaves(self, deviation: float) -> Tensor:
        """Log-normal: 2 to the power of a normal value with mean 0."""
        return torch.exp(self.normal(deviation * math.log(2)))
