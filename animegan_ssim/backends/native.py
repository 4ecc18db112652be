"""The native kernel, loaded from the shared library that `animegan_ssim.native.build` compiled."""

from __future__ import annotations


def available() -> list:
    """Native back ends that this machine can run, fastest first."""
    return []
