"""What the machine can do at most: float32 operations and bytes of memory a second."""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np

SIDE = 2048
COPIED = 256 * 2**20
ROUNDS = 5


def float32_gflops() -> float:
    """A product of two matrices 2048x2048 on all cores, 10^9 operations a second."""
    a = np.random.default_rng(0).standard_normal((SIDE, SIDE), np.float32)
    return 2 * SIDE**3 / 1e9 / _median_seconds(lambda: a @ a)


def memory_gbytes() -> float:
    """Reading and writing while 256 MiB are copied on one core, 10^9 bytes a second."""
    source, target = np.ones(COPIED, np.uint8), np.empty(COPIED, np.uint8)
    return 2 * COPIED / 1e9 / _median_seconds(lambda: np.copyto(target, source))


def _median_seconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(ROUNDS):
        begin = perf_counter()
        work()
        times.append(perf_counter() - begin)
    return median(times)
