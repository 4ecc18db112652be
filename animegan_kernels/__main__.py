"""Compiles what is missing: `python -m animegan_kernels`."""

from __future__ import annotations

import sys

from animegan_kernels import convolution, search

sys.exit(search.KERNEL.build() or convolution.KERNEL.build())
