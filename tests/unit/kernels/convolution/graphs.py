"""Small ONNX graphs, and how to run them with and without the native convolution."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
from onnx import NodeProto, TensorProto, helper, numpy_helper

from animegan_kernels.convolution.graph import replace_convolutions
from animegan_kernels.libraries import CONVOLUTION

Array = np.ndarray


def model(
    nodes: Sequence[NodeProto], outputs: Sequence[str], **constants: Array
) -> onnx.ModelProto:
    """A graph with the input x [N, C, H, W]."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "c", "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def convolution(
    weights: Array,
    bias: Array | None = None,
    slope: float = 1.0,
    operator: str = "Conv",
    strides: int = 1,
) -> onnx.ModelProto:
    """x -> conv -> y, with a rectifier unless the slope is 1."""
    inputs = ["x", "weights"] + (["bias"] if bias is not None else [])
    outputs = ["y" if slope == 1 else "linear"]
    nodes = [helper.make_node(operator, inputs, outputs, strides=[strides, strides])]
    if slope == 0:
        nodes.append(helper.make_node("Relu", ["linear"], ["y"]))
    elif slope < 1:
        nodes.append(helper.make_node("LeakyRelu", ["linear"], ["y"], alpha=slope))
    constants = {"weights": weights} | ({"bias": bias} if bias is not None else {})
    return model(nodes, ["y"], **constants)


def plain(graph: onnx.ModelProto, x: Array, threads: int = 1) -> list[Array]:
    """What ONNX Runtime computes by itself."""
    return _session(graph, threads, with_ours=False).run(None, {"x": x})


def native(graph: onnx.ModelProto, x: Array, threads: int = 1) -> list[Array]:
    """What the kernel computes; the graph must have something for it."""
    changed = onnx.ModelProto()
    changed.CopyFrom(graph)
    assert replace_convolutions(changed) > 0
    return _session(changed, threads, with_ours=True).run(None, {"x": x})


def _session(graph: onnx.ModelProto, threads: int, *, with_ours: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    if with_ours:
        options.register_custom_ops_library(str(CONVOLUTION.built()))
    return ort.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
