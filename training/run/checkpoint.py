"""Checkpoints: everything that a run needs to go on exactly, sound and written atomically."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from training.files import replacing


class CheckpointError(ValueError):
    """A file is no checkpoint that a run can use; the message says in one line why."""


class Stateful(Protocol):
    """A network or an optimiser."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take over a state."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` so that `path` always holds a whole checkpoint, even if the machine dies.

    Raises:
        OSError: it cannot be written; the checkpoint that was there stays.
    """
    try:
        with replacing(path) as file:
            torch.save(state, file)
    except RuntimeError as error:  # torch's archive writer hides the cause
        raise OSError(f"{path} cannot be written: {error}") from error


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted, never other pickled objects.

    Raises:
        CheckpointError: the file is damaged or not a checkpoint.
        OSError: it cannot be read.
    """
    try:
        state: Any = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a damaged file
        if isinstance(error, OSError) and error.filename:  # which cannot be opened
            raise
        # torch advises to load other pickled objects, too: they can run any code.
        strange = isinstance(error, pickle.UnpicklingError)
        cause = "no tensors and plain values alone" if strange else in_short(error)
        raise CheckpointError(f"{path} is not a readable checkpoint: {cause}") from error
    if not isinstance(state, dict):
        raise CheckpointError(
            f"{path} is no checkpoint of a run: it holds a {type(state).__name__}"
        )
    return state


def check_complete(state: Mapping[str, Any], needed: Iterable[str]) -> None:
    """See that a checkpoint holds all that is needed.

    Raises:
        CheckpointError: naming what is missing.
    """
    missing = [name for name in needed if name not in state]
    if missing:
        raise CheckpointError(
            f"the checkpoint lacks {', '.join(missing)}: another version of this program wrote it, "
            "or another program"
        )


def take_over(name: str, part: Stateful, state: Any) -> None:
    """Give a part of a run its state from a checkpoint.

    Raises:
        CheckpointError: it does not fit.
    """
    try:
        part.load_state_dict(state)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint's {name} does not fit this run's: {in_short(error)}"
        ) from error


def spoilt(state: Any, name: str = "") -> str | None:
    """Name the first tensor or number of a state that is not finite; none if all are."""
    if isinstance(state, Tensor):
        return None if bool(state.isfinite().all()) else name
    if isinstance(state, float):
        return None if state - state == 0 else name
    parts: Any = ()
    if isinstance(state, Mapping):
        parts = state.items()
    elif isinstance(state, list | tuple):
        parts = enumerate(state)
    found = (spoilt(value, f"{name}.{key}" if name else str(key)) for key, value in parts)
    return next((one for one in found if one is not None), None)


def in_short(error: Exception) -> str:
    """The cause of an error on one line: torch lists every tensor, and gives advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ": ".join(line.rstrip(":.") for line in lines[:2])[:240] or type(error).__name__
