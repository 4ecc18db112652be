"""Checkpoints: everything that a run needs to go on exactly, written atomically."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` so that `path` always holds a whole checkpoint, even if the machine dies.

    Raises:
        OSError: it cannot be written; the checkpoint that was there stays.
    """
    # A fixed name: what a killed run left of it is written over by the next one.
    staged = path.with_suffix(".part")
    try:
        with staged.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except RuntimeError as error:  # torch's archive writer hides the cause
        raise OSError(f"{path} cannot be written: {error}") from error
    finally:
        staged.unlink(missing_ok=True)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted, never other pickled objects.

    Raises:
        ValueError: the file is damaged or not a checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a damaged file
        raise ValueError(f"{path} is not a readable checkpoint: {error}") from error
    return state
