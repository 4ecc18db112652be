"""Compiles the scan: `python -m animegan_ssim.native`."""

from __future__ import annotations

import sys

from animegan_ssim.native import KERNEL

sys.exit(KERNEL.build())
