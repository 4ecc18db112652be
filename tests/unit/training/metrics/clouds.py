"""Clouds of points in place of features, with known answers."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def normal(count: int, seed: int, dimensions: int = 8, shift: float = 0.0) -> Array:
    """Points of a normal distribution, [count, dimensions]."""
    points = np.random.default_rng(seed).normal(shift, 1, (count, dimensions))
    return points.astype(np.float32)


def collapsed(count: int, seed: int, kept: int, dimensions: int = 8) -> Array:
    """A few points of the same distribution, repeated: each is good, the set is not."""
    return np.resize(normal(kept, seed, dimensions), (count, dimensions))


def copies(of: Array, count: int, seed: int, noise: float = 0.01) -> Array:
    """Points of a set with a little noise on them: a generator that memorised."""
    random = np.random.default_rng(seed)
    chosen = of[random.integers(0, len(of), count)]
    return (chosen + random.normal(0, noise, chosen.shape)).astype(np.float32)
