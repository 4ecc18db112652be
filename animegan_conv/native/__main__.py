"""Compiles the convolution: `python -m animegan_conv.native`."""

from __future__ import annotations

import sys

from animegan_conv.native import KERNEL

sys.exit(KERNEL.build())
