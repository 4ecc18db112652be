"""Chainer's weight files: what is not one is refused."""

import io

import numpy as np
import pytest

from training.networks.tensor_file import WeightsError
from training.upscaling.waifu2x.npz import read_npz


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_names_become_pytorchs() -> None:
    weight, bias = np.ones((2, 3, 1, 1), np.float32), np.zeros(2, np.float32)
    state = read_npz(npz(**{"res1/conv1/W": weight, "conv_pre/b": bias}))
    assert {name: array.shape for name, array in state.items()} == {
        "res1.conv1.weight": (2, 3, 1, 1),
        "conv_pre.bias": (2,),
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip file",
        npz(**{"conv1/W": np.ones(3, np.float32)})[:-30],
        npz(**{"conv1/gamma": np.ones(3, np.float32)}),
        npz(**{"conv1/W": np.array([{}], object)}),
    ],
    ids=["empty", "text", "truncated", "another parameter", "pickle"],
)
def test_what_is_no_weights_file_is_refused(content: bytes) -> None:
    with pytest.raises(WeightsError, match="not a weights file of Chainer"):
        read_npz(content)


def test_other_types_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"conv1\.weight is float64, not float32"):
        read_npz(npz(**{"conv1/W": np.ones(3)}))
