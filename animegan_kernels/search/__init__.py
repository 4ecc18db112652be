"""The scan in C, for x86-64 with AVX2 or AVX-512. `python -m animegan_kernels` compiles it."""

from __future__ import annotations

from pathlib import Path

from animegan_kernels.search.build import NativeLibrary

KERNEL = NativeLibrary(
    Path(__file__).parent,
    ("scan.c", "uniform.h", "gaussian.h", "job.h", "lanes.h"),
    # No contraction and no -ffast-math: NaN stays NaN, sums keep their order, and the answer is the
    # same every time.
    "-ffp-contract=off",
    "numba scans instead, at a quarter of the speed.",
)
