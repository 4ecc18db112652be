"""How step sizes, R1 and the moving average follow the batch: the one place that says it.

For networks that are large enough and see millions of images, the recipe of Karras et al. 2020
(arXiv:2006.06676, appendix C): gamma = 0.0002 N / M for N pixels and batches of M, then tried
within a factor of 5 either way; a half-life of 20,000 images at a batch of 64 and of 10,000 at 32;
step sizes of 0.0025, and 0.002 at 1024 px.

A preset whose batch is changed keeps what it was found to work with, in proportion:

- step sizes grow with the square root of the batch: the rule for Adam (Malladi et al. 2022,
  arXiv:2205.10287; a linear rule is one for plain gradient descent);
- gamma falls with the batch, as above;
- the half-life of the average grows with the batch, as above.
"""

from __future__ import annotations

import math

R1_PER_PIXEL = 0.0002
HALF_LIFE_STEPS = 20_000 / 64
LARGE = 1024


def r1_gamma(resolution: int, batch: int) -> float:
    """Weight of the R1 penalty to begin with, for square images of `resolution` pixels a side."""
    return R1_PER_PIXEL * resolution**2 / batch


def half_life(batch: int) -> int:
    """Half-life of the moving average, in images."""
    return round(HALF_LIFE_STEPS * batch)


def step_size(resolution: int) -> float:
    """Adam's step size of both networks, for batches of 64 (32 from `LARGE` pixels on)."""
    return 0.002 if resolution >= LARGE else 0.0025


def step_size_factor(batch: int, before: int) -> float:
    """What a change of the batch multiplies step sizes by."""
    return math.sqrt(batch / before)
