"""Reading ncnn's files: every number in its place, and no file that is not understood whole."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.training.upscaling.waifu2x.conftest import as_ncnn, state_of
from training.networks.tensor_file import WeightsError
from training.upscaling.waifu2x.ncnn import read_layers, read_network


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3),  # 135 weights: float16 needs padding to 4 bytes
        nn.LeakyReLU(0.1),
        nn.ConvTranspose2d(5, 3, 4, stride=2, padding=3, bias=False),
        nn.Linear(6, 2),
    )


@pytest.mark.parametrize("half", [False, True])
def test_every_number_comes_back(half: bool) -> None:
    wanted = network()
    if half:
        wanted.half().float()
        for layer in (wanted[0], wanted[3]):
            layer.bias.data += 1e-5  # biases are not rounded
    param, content = as_ncnn(wanted, half)
    got = read_network(param, content, network())
    assert got.keys() == state_of(wanted).keys()
    for name, array in state_of(wanted).items():
        np.testing.assert_array_equal(got[name], array, err_msg=name)


@pytest.mark.parametrize("cut", [1, 4, 600])
def test_a_truncated_file_is_refused(cut: int) -> None:
    param, content = as_ncnn(network())
    with pytest.raises(WeightsError, match="more are wanted from"):
        read_network(param, content[:-cut], network())


def test_bytes_that_belong_to_no_layer_are_refused() -> None:
    param, content = as_ncnn(network())
    with pytest.raises(WeightsError, match=r"4 bytes of the \.bin file belong to no layer"):
        read_network(param, content + bytes(4), network())


def test_an_unknown_format_of_numbers_is_refused() -> None:
    param, content = as_ncnn(network())
    with pytest.raises(WeightsError, match="0xd4b38 is neither float32 nor float16"):
        read_network(param, (0x000D4B38).to_bytes(4, "little") + content[4:], network())


@pytest.mark.parametrize(
    ("found", "made", "message"),
    [
        ("7767517", "7767518", "starts with 7767517"),
        ("\n4 4\n", "\n5 4\n", "promises 5 layers and has 4"),
        ("0=5 1=3 3=1", "0=5 1=5 3=1", "('Convolution', 5, 5, 1, 0, 1, 135)"),
        ("3=2 4=3", "3=2 4=1", "the network's 2 ('Deconvolution', 3, 4, 2, 3, 0, 240)"),
        ("InnerProduct 3 1 1", "InnerProduct 3 one 1", "not a layer"),
        ("InnerProduct 3", "Pooling 3", "2 layers have weights, the network has 3"),
    ],
)
def test_a_param_file_of_another_network_is_refused(found: str, made: str, message: str) -> None:
    param, content = as_ncnn(network())
    assert found in param
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_network(param.replace(found, made), content, network())


def test_an_empty_file_is_no_param_file() -> None:
    with pytest.raises(WeightsError, match="starts with"):
        read_layers("")
