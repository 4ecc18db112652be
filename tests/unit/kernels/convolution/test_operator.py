"""The native convolutions against the sums that define them, in float64."""

from collections.abc import Iterator

import numpy as np
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument, RuntimeException

from animegan_kernels.build import TARGETS
from animegan_kernels.libraries import CONVOLUTION
from tests.requires import require_library, require_target
from tests.unit.kernels.convolution.graphs import Array, convolution, native, plain


@pytest.fixture(params=TARGETS, scope="module")
def target(request: pytest.FixtureRequest) -> Iterator[None]:
    """The instruction set of the kernels."""
    with require_target(CONVOLUTION, request.param):
        yield


def exact(x: Array, weights: Array, bias: Array, slope: float) -> Array:
    """The definition, summed in float64."""
    height, width = x.shape[2] - 2, x.shape[3] - 2
    total = np.zeros((len(x), len(weights), height, width)) + bias[:, None, None]
    for row in range(3):
        for column in range(3):
            window = x[:, :, row : row + height, column : column + width].astype(np.float64)
            total += np.einsum("oi,nihw->nohw", weights[:, :, row, column], window)
    return np.where(total > 0, total, slope * total)


def draw(random: np.random.Generator, *shape: int) -> Array:
    return random.standard_normal(shape).astype(np.float32)


@pytest.mark.usefixtures("target")
@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 3),
    inputs=st.sampled_from([16, 32, 48, 128]),
    outputs=st.integers(1, 70),
    height=st.integers(3, 22),
    width=st.integers(3, 22),
    slope=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_every_size_and_number_of_channels(
    count: int, inputs: int, outputs: int, height: int, width: int, slope: float,
    seed: int,
) -> None:  # fmt: skip
    random = np.random.default_rng(seed)
    x = draw(random, count, inputs, height, width)
    weights = draw(random, outputs, inputs, 3, 3) / np.float32(3 * inputs**0.5)
    bias = draw(random, outputs)
    got = native(convolution(weights, bias, slope), x)[0]
    np.testing.assert_allclose(got, exact(x, weights, bias, slope), rtol=0, atol=4e-5)


@pytest.mark.usefixtures("target")
@settings(deadline=None, max_examples=40)
@given(
    transposed=st.booleans(),
    count=st.integers(1, 3),
    inputs=st.sampled_from([16, 48]),
    outputs=st.integers(1, 70),
    height=st.integers(2, 9),
    width=st.integers(2, 40),
    slope=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 1000),
)
def test_halving_and_doubling_in_every_size(
    transposed: bool, count: int, inputs: int, outputs: int, height: int, width: int,
    slope: float, seed: int,
) -> None:  # fmt: skip
    random = np.random.default_rng(seed)
    x = draw(random, count, inputs, height, width)
    shape = (inputs, outputs, 2, 2) if transposed else (outputs, inputs, 2, 2)
    weights, bias = draw(random, *shape) / np.float32(2 * inputs**0.5), draw(random, outputs)
    graph = convolution(weights, bias, slope, "ConvTranspose" if transposed else "Conv", strides=2)
    got = native(graph, x)[0]
    x_NCHW, w, b = (torch.from_numpy(array).double() for array in (x, weights, bias))
    convolve = F.conv_transpose2d if transposed else F.conv2d
    wanted = F.leaky_relu(convolve(x_NCHW, w, b, stride=2), slope).numpy()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-5)


@pytest.mark.usefixtures("target")
def test_it_is_as_exact_as_a_sum_in_float32_is_within_a_digit() -> None:
    random = np.random.default_rng(1)
    x, weights = draw(random, 1, 128, 40, 40), draw(random, 64, 128, 3, 3) / np.float32(34)
    bias = draw(random, 64)
    graph, truth = convolution(weights, bias), exact(x, weights, bias, 1.0)
    ours = np.abs(native(graph, x)[0] - truth).max()
    theirs = np.abs(plain(graph, x)[0] - truth).max()
    assert ours < 10 * theirs


@pytest.mark.usefixtures("target")
def test_the_number_of_threads_does_not_change_a_bit() -> None:
    random = np.random.default_rng(2)
    graph = convolution(draw(random, 32, 32, 3, 3), draw(random, 32), 0.1)
    x = draw(random, 2, 32, 130, 67)
    alone = native(graph, x, threads=1)[0]
    for _ in range(5):
        np.testing.assert_array_equal(native(graph, x, threads=4)[0], alone)


def test_a_picture_of_a_batch_is_what_it_is_alone() -> None:
    random = np.random.default_rng(3)
    graph = convolution(draw(random, 32, 16, 3, 3), draw(random, 32))
    x = draw(random, 3, 16, 21, 34)
    together = native(graph, x)[0]
    for place, picture in enumerate(x):
        np.testing.assert_array_equal(native(graph, picture[None])[0][0], together[place])


def test_an_empty_batch_stays_empty() -> None:
    graph = convolution(np.ones((5, 16, 3, 3), np.float32), np.ones(5, np.float32))
    assert native(graph, np.zeros((0, 16, 9, 9), np.float32))[0].shape == (0, 5, 7, 7)


def test_what_is_no_number_stays_where_it_is_seen() -> None:
    """It spreads to its tile and no further."""
    x = np.ones((1, 16, 34, 34), np.float32)
    x[0, 3, 0, 0] = np.nan
    got = native(convolution(np.ones((16, 16, 3, 3), np.float32)), x)[0]
    assert np.isnan(got[0, 0, 0, 0])
    np.testing.assert_allclose(got[:, :, 4:, 4:], 144, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 16, 2, 9), (1, 16, 9, 2)])
def test_a_picture_below_the_kernel_is_refused(shape: tuple[int, ...]) -> None:
    graph = convolution(np.ones((4, 16, 3, 3), np.float32))
    with pytest.raises(InvalidArgument, match="as large as the kernel"):
        native(graph, np.zeros(shape, np.float32))


def custom(weights: Array, bias: Array, slope: float = 0.1, constant: bool = True) -> None:
    """Load a graph that uses the operator by its name."""
    node = helper.make_node(
        "Conv3x3", ["x", "weights", "bias"], ["y"], domain="animegan", slope=slope
    )
    names = {"x": None} if constant else {"x": None, "weights": list(weights.shape)}
    constants = {"weights": weights, "bias": bias}
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(name, 1, shape) for name, shape in names.items()],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(a, name) for name, a in constants.items() if name not in names],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("animegan", 1)]
    options = ort.SessionOptions()
    options.register_custom_ops_library(str(require_library(CONVOLUTION)))
    ort.InferenceSession(
        helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )


@pytest.mark.parametrize(
    ("weights", "bias", "slope"),
    [
        ((8, 12, 3, 3), (8,), 0.1),
        ((8, 16, 5, 5), (8,), 0.1),
        ((8, 16, 3, 3), (7,), 0.1),
        ((8, 16, 3, 3), (8,), 1.5),
        ((8, 16, 3), (8,), 0.1),
    ],
)
def test_weights_that_do_not_fit_are_refused_at_load(
    weights: tuple[int, ...], bias: tuple[int, ...], slope: float
) -> None:
    with pytest.raises(RuntimeException, match="animegan: "):
        custom(np.zeros(weights, np.float32), np.zeros(bias, np.float32), slope)


def test_weights_must_be_constants() -> None:
    with pytest.raises(RuntimeException, match="weights and bias must be constants"):
        custom(np.zeros((8, 16, 3, 3), np.float32), np.zeros(8, np.float32), constant=False)
