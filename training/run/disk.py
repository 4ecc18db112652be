"""What a run may take of the disk: room for the next snapshot, and a budget for all of them.

The checkpoint, the newest weights, the best ones and the log are never removed. Weights and sheets
of earlier moments are thinned out: those go first whose neighbours are nearest, so that what stays
is spread evenly over the run.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from torch import nn

# Numbered by images seen; the first kind is thinned out before the second one.
PRUNABLE = ("weights/[0-9]*.safetensors", "sheets/[0-9]*.png")
SHEET_IMAGES = 64


def checkpoint_bytes(generator: nn.Module, discriminator: nn.Module) -> int:
    """Size of a checkpoint: both networks with two moments of Adam each, and the moving average."""
    return 4 * weights_bytes(generator) + 3 * weights_bytes(discriminator)


def weights_bytes(network: nn.Module) -> int:
    """Size of a network's parameters."""
    return sum(value.numel() * value.element_size() for value in network.parameters())


def snapshot_bytes(generator: nn.Module, discriminator: nn.Module, resolution: int) -> int:
    """Room that a snapshot needs beside everything that lies there already.

    The checkpoint is written beside the one that it replaces, as are the weights, which are kept
    once more under their number; three sheets at most as large as their pixels.
    """
    sheets = 3 * SHEET_IMAGES * 3 * resolution**2
    return checkpoint_bytes(generator, discriminator) + 2 * weights_bytes(generator) + sheets


def check_space(folder: Path, needed: int, budget: int | None) -> None:
    """Refuse to begin where the first snapshots would not fit.

    Args:
        folder: of the run; it exists.
        needed: bytes of one snapshot.
        budget: bytes that the folder may take in all; none is no limit.

    Raises:
        ValueError: the disk is too full, or the budget too small.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(
            f"{folder}: {free / 1e6:.0f} MB of the disk are free, a snapshot needs "
            f"{needed / 1e6:.0f} MB: make room, or choose another --run folder"
        )
    if budget is not None and budget < 2 * needed:
        raise ValueError(
            f"--disk-budget: {budget / 1e6:.0f} MB hold no two snapshots of {needed / 1e6:.0f} MB, "
            f"the old one and the one that replaces it: give {2 * needed / 1e9:.3f} GB or more"
        )


def make_room(folder: Path, needed: int, budget: int) -> None:
    """Remove old weights and sheets until `needed` more bytes keep the folder below its budget."""
    for pattern in PRUNABLE:
        files = sorted(folder.glob(pattern))
        while folder_bytes(folder) + needed > budget and len(files) > 1:
            files.pop(least_missed([int(file.stem) for file in files])).unlink()


def folder_bytes(folder: Path) -> int:
    """Size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def least_missed(moments: Sequence[int]) -> int:
    """Which of two or more moments has the nearest neighbours; never the last, seldom the first."""
    if len(moments) == 2:
        return 0
    gaps = [after - before for before, after in pairwise(moments)]
    return min(range(1, len(moments) - 1), key=lambda index: gaps[index - 1] + gaps[index])
