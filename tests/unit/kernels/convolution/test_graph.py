"""Which convolutions are replaced, and that a graph computes what it did before."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper

from animegan_kernels.convolution.graph import doubling_kernels, replace_convolutions
from animegan_kernels.libraries import CONVOLUTION
from tests.requires import require_library
from tests.unit.kernels.convolution.graphs import Array, convolution, model, native, plain

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> None:
    require_library(CONVOLUTION)


def weights(*shape: int) -> Array:
    return (RANDOM.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def operators(graph: onnx.ModelProto) -> list[str]:
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    replace_convolutions(changed)
    return [node.op_type for node in changed.graph.node]


def check(graph: onnx.ModelProto, *shape: int) -> None:
    x = RANDOM.standard_normal(shape).astype(np.float32)
    for ours, theirs in zip(native(graph, x), plain(graph, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-5)


def test_a_rectifier_is_taken_in() -> None:
    graph = convolution(weights(20, 16, 3, 3), weights(20, 1)[:, 0], 0.1)
    assert operators(graph) == ["Transpose", "Conv3x3", "Transpose"]
    check(graph, 2, 16, 9, 14)


def test_pixels_stay_channels_last_between_convolutions() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["one"]),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("Conv", ["two", "b"], ["three"]),
        helper.make_node("Conv", ["three", "c"], ["y"]),
    ]
    graph = model(
        nodes, ["y"], a=weights(32, 16, 3, 3), b=weights(16, 32, 3, 3), c=weights(7, 16, 3, 3)
    )
    assert operators(graph) == ["Transpose", *["Conv3x3"] * 3, "Transpose"]
    check(graph, 1, 16, 12, 10)


def test_a_u_net_stays_channels_last_all_the_way() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["full"]),
        helper.make_node("Conv", ["full", "down"], ["half"], strides=[2, 2]),
        helper.make_node("LeakyRelu", ["half"], ["rectified"], alpha=0.1),
        helper.make_node("ConvTranspose", ["rectified", "up"], ["back"], strides=[2, 2]),
        helper.make_node("Conv", ["back", "b"], ["y"]),
    ]
    graph = model(
        nodes,
        ["y"],
        a=weights(16, 16, 3, 3),
        down=weights(32, 16, 2, 2),
        up=weights(32, 16, 2, 2),
        b=weights(3, 16, 3, 3),
    )
    inner = ["Conv3x3", "Conv2x2", "ConvTranspose2x2", "Conv3x3"]
    assert operators(graph) == ["Transpose", *inner, "Transpose"]
    check(graph, 2, 16, 30, 22)


def test_a_value_that_others_read_too_exists_both_ways() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["linear"]),
        helper.make_node("LeakyRelu", ["linear"], ["rectified"], alpha=0.2),
        helper.make_node("Conv", ["rectified", "b"], ["inner"]),
        helper.make_node("ReduceMean", ["rectified", "axes"], ["mean"]),
        helper.make_node("Add", ["inner", "mean"], ["y"]),
    ]
    graph = model(
        nodes,
        ["y", "linear"],
        a=weights(16, 16, 3, 3),
        b=weights(16, 16, 3, 3),
        axes=np.array([2, 3]),
    )
    # The rectifier's input is an output of the graph, so it cannot be taken in.
    assert operators(graph).count("LeakyRelu") == 1
    check(graph, 1, 16, 11, 8)


@pytest.mark.parametrize("bias", [True, False])
def test_a_doubling_convolution_becomes_channels_and_then_pixels(bias: bool) -> None:
    inputs = ["x", "w", "b"] if bias else ["x", "w"]
    node = helper.make_node(
        "ConvTranspose", inputs, ["y"], strides=[2, 2], pads=[3, 3, 3, 3], kernel_shape=[4, 4]
    )
    constants = {"w": weights(16, 3, 4, 4)} | ({"b": weights(3, 1)[:, 0]} if bias else {})
    graph = model([node], ["y"], **constants)
    assert operators(graph) == ["Transpose", "Conv3x3", "Transpose", "DepthToSpace"]
    check(graph, 2, 16, 7, 9)


def test_doubling_kernels_are_pytorchs_transposed_convolution() -> None:
    w_IOKK, x_BCHW = torch.randn(5, 3, 4, 4), torch.randn(1, 5, 6, 8)
    expected = F.conv_transpose2d(x_BCHW, w_IOKK, stride=2, padding=3)
    kernels = torch.from_numpy(doubling_kernels(w_IOKK.numpy()))
    torch.testing.assert_close(F.pixel_shuffle(F.conv2d(x_BCHW, kernels), 2), expected)


def test_weights_that_are_stored_as_float16_count_as_constants() -> None:
    stored = weights(16, 16, 3, 3).astype(np.float16)
    nodes = [
        helper.make_node("Cast", ["stored"], ["w"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    graph = model(nodes, ["y"], stored=stored)
    assert "Conv3x3" in operators(graph)
    check(graph, 1, 16, 8, 8)


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((16, 16, 5, 5), {}),
        ((16, 16, 1, 1), {}),
        ((16, 12, 3, 3), {}),
        ((16, 16, 3, 3), {"pads": [1, 1, 1, 1]}),
        ((16, 16, 3, 3), {"strides": [2, 2]}),
        ((16, 16, 2, 2), {}),
        ((16, 16, 2, 2), {"strides": [2, 1]}),
        ((16, 16, 3, 3), {"dilations": [2, 2]}),
        ((32, 16, 3, 3), {"group": 2}),
        ((16, 16, 3, 3), {"auto_pad": "SAME_UPPER"}),
    ],
)
def test_other_convolutions_stay(shape: tuple[int, ...], attributes: dict[str, object]) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], **attributes)
    graph = model([node], ["y"], w=weights(*shape))
    before = graph.SerializeToString()
    assert replace_convolutions(graph) == 0
    assert graph.SerializeToString() == before


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"strides": [2, 2], "pads": [3, 3, 3, 3], "output_padding": [1, 1]},
    ],
)
def test_other_transposed_convolutions_stay(attributes: dict[str, object]) -> None:
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], **attributes)
    assert replace_convolutions(model([node], ["y"], w=weights(16, 3, 4, 4))) == 0


def test_weights_that_a_graph_computes_stay() -> None:
    nodes = [
        helper.make_node("Relu", ["w"], ["positive"]),
        helper.make_node("Conv", ["x", "positive"], ["y"]),
    ]
    assert replace_convolutions(model(nodes, ["y"], w=weights(16, 16, 3, 3))) == 0
