"""Reads the weights of waifu2x-chainer: .npz files with `conv1/W`, `res1/conv1/b` and the like."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from training.networks.tensor_file import WeightsError

_SUFFIXES = {"W": "weight", "b": "bias"}


def read_npz(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Read a file; Chainer's shapes are PyTorch's, for transposed convolutions too.

    Returns:
        A state for `network.load_state_dict`.

    Raises:
        WeightsError: the file is broken, or holds something else than float32.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            state = {_renamed(name): arrays[name] for name in arrays.files}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(f"not a weights file of Chainer: {error}") from error
    for name, array in state.items():
        if array.dtype != np.float32:
            raise WeightsError(f"{name} is {array.dtype}, not float32")
    return state


def _renamed(name: str) -> str:
    *path, parameter = name.split("/")
    return ".".join([*path, _SUFFIXES[parameter]])
