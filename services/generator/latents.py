"""The numbers behind a seed.

Shapes: N images, Z length of a latent vector, R length of the flat noise of all layers.

Everything is drawn by NumPy's counter-based Philox generator, whose 128-bit key is
(stream << 64) | seed. An image's numbers depend on its seed alone, never on its neighbours.
"""

import threading
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LATENT_STREAM = 0
_RANDOM_NOISE_STREAM = 1
_CONSTANT_NOISE_STREAM = 2


class NoiseMode(Enum):
    """Where the noise of the layers comes from."""

    CONSTANT = "constant"  # the same for all images
    RANDOM = "random"  # from the image's seed
    NONE = "none"  # zeros


def latents(seeds: Sequence[int], z_dim: int) -> NDArray[np.float32]:
    """z_NZ: standard normal, one row per seed (0 to 2^64 - 1)."""
    z_NZ = np.empty((len(seeds), z_dim), np.float32)
    for z_Z, seed in zip(z_NZ, seeds, strict=True):
        _fill_normal(z_Z, _LATENT_STREAM, seed)
    return z_NZ


def noise(seeds: Sequence[int], size: int, mode: NoiseMode) -> NDArray[np.float32]:
    """noise_NR: standard normal, or zeros with NoiseMode.NONE, one row per seed. Read-only."""
    shape = (len(seeds), size)
    match mode:
        case NoiseMode.CONSTANT:
            return np.broadcast_to(_constant_noise(size), shape)
        case NoiseMode.RANDOM:
            noise_NR = np.empty(shape, np.float32)
            for noise_R, seed in zip(noise_NR, seeds, strict=True):
                _fill_normal(noise_R, _RANDOM_NOISE_STREAM, seed)
            return noise_NR
        case NoiseMode.NONE:
            return np.broadcast_to(np.float32(0), shape)


@lru_cache
def _constant_noise(size: int) -> NDArray[np.float32]:
    noise_R = np.empty(size, np.float32)
    _fill_normal(noise_R, _CONSTANT_NOISE_STREAM, 0)
    return noise_R


def _fill_normal(row: NDArray[np.float32], stream: int, seed: int) -> None:
    philox = _generator.philox
    philox.state = _start(stream, seed)
    _generator.normal(dtype=np.float32, out=row)


class _Generator(threading.local):
    """One for each thread: to set its key takes a quarter of the time of making one."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(key=0)
        self.normal = np.random.Generator(self.philox).standard_normal


_generator = _Generator()


def _start(stream: int, seed: int) -> Any:
    """The state of a Philox that was just made with the key (stream << 64) | seed."""
    return {
        "bit_generator": "Philox",
        "state": {"counter": (0, 0, 0, 0), "key": (seed, stream)},
        "buffer": (0, 0, 0, 0),
        "buffer_pos": 4,  # used up
        "has_uint32": 0,
        "uinteger": 0,
    }
