"""What a run may take of the disk: room for the next snapshot, and a budget for all of them.

The checkpoint, the newest weights, the best ones and the log are never removed. Where the budget
ends, TensorBoard's files are shortened first, whose sheets lie in the folder once more; then
weights and sheets of earlier moments are thinned out: those go first whose neighbours are nearest,
so that what stays is spread evenly over the run.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from torch import nn

from training.run.trainer import Trainer

# Numbered by images seen; the first kind is thinned out before the second one.
PRUNABLE = ("weights/[0-9]*.safetensors", "sheets/[0-9]*.png")
# Curves, and the lines that a log and TensorBoard gain between two snapshots.
FIGURE_BYTES = 500_000


def weights_bytes(network: nn.Module) -> int:
    """Size of a network's parameters."""
    return sum(value.numel() * value.element_size() for value in network.parameters())


def checkpoint_bytes(trainer: Trainer) -> int:
    """Size of a checkpoint: all networks, and two moments for each parameter of an optimiser."""
    total = 0
    for part in (getattr(trainer, name) for name in trainer.parts):
        if isinstance(part, nn.Module):
            total += weights_bytes(part)
        else:
            values = (value for group in part.param_groups for value in group["params"])
            total += sum(2 * value.numel() * value.element_size() for value in values)
    return total


def snapshot_bytes(trainer: Trainer) -> int:
    """Room that a snapshot needs beside everything that lies there already.

    The checkpoint is written beside the one that it replaces, as are the weights, which may be kept
    once more under their number; a sheet goes to TensorBoard, too.
    """
    weights = 2 * weights_bytes(trainer.published)
    return checkpoint_bytes(trainer) + weights + 3 * trainer.sheet_bytes + FIGURE_BYTES


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


def fits(folder: Path, needed: int, budget: int) -> bool:
    """Whether `needed` more bytes keep the folder below its budget."""
    return folder_bytes(folder) + needed <= budget


def thin_out(folder: Path, needed: int, budget: int) -> None:
    """Remove old weights and sheets until `needed` more bytes fit.

    Raises:
        OSError: they do not, though nothing is left that may go.
    """
    for pattern in PRUNABLE:
        files = sorted(folder.glob(pattern))
        while not fits(folder, needed, budget) and len(files) > 1:
            files.pop(least_missed([int(file.stem) for file in files])).unlink()
    if not fits(folder, needed, budget):
        raise OSError(
            f"--disk-budget: {folder_bytes(folder) / 1e6:.1f} MB lie there that may not be removed,"
            f" and a snapshot needs {needed / 1e6:.1f} MB: {budget / 1e6:.1f} MB are not enough"
        )


def folder_bytes(folder: Path) -> int:
    """Size of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def least_missed(moments: Sequence[int]) -> int:
    """Which of two or more moments has the nearest neighbours; never the last, seldom the first."""
    if len(moments) == 2:
        return 0
    gaps = [after - before for before, after in pairwise(moments)]
    return min(range(1, len(moments) - 1), key=lambda index: gaps[index - 1] + gaps[index])
