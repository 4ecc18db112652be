"""Puts the native convolutions into ONNX graphs, where they compute the same as what is there.

A convolution and the rectifier behind it become one node, of an operator in native/operator.c.
These want pixels channels last: between two such nodes they stay so, elsewhere a `Transpose` goes
before and behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

DOMAIN = "animegan"
CHANNELS = 16  # the input's must be a multiple: one register of AVX-512, two of AVX2
_DEFAULTS: dict[str, Any] = {
    "auto_pad": b"NOTSET",
    "dilations": [1, 1],
    "group": 1,
    "output_padding": [0, 0],
    "pads": [0, 0, 0, 0],
    "strides": [1, 1],
}
# What is replaced: by which operator, an operator of ONNX with which attributes.
_REPLACED: dict[str, tuple[str, dict[str, Any]]] = {
    "Conv3x3": ("Conv", _DEFAULTS | {"kernel_shape": [3, 3]}),
    "Conv2x2": ("Conv", _DEFAULTS | {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "ConvTranspose2x2": (
        "ConvTranspose",
        _DEFAULTS | {"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
}
# And by Conv3x3 with a DepthToSpace behind it:
_DOUBLING = _DEFAULTS | {"kernel_shape": [4, 4], "pads": [3, 3, 3, 3], "strides": [2, 2]}
# Which row (or column) of the 4x4 kernel joins pixels u, u + 1 and u + 2 of the small picture to
# pixel 2 u and to pixel 2 u + 1 of the large one.
_MEETING = ((3, 1, None), (None, 2, 0))


def replace_convolutions(model: onnx.ModelProto) -> int:
    """Let the native kernel compute every convolution that it can.

    Those of 3x3 without padding, stride, dilation and groups; those of 2x2 with stride 2, and their
    transposes; the transposed ones of 4x4 with stride 2 and padding 3. All with constant weights
    and a multiple of `CHANNELS` input channels.

    Args:
        model: an ONNX model, changed in place.

    Returns:
        How many were replaced.
    """
    rewriter = _Rewriter(model.graph)
    nodes = [new for node in model.graph.node for new in rewriter.rewritten(node)]
    if rewriter.replaced:
        _set_nodes(model.graph, nodes)
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return rewriter.replaced


class _Rewriter:
    """What one pass over the nodes, which are in topological order, has to remember."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._constants = dict(_constants(graph))
        self._readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self._readers[name].append(node)
        self._outputs = {value.name for value in graph.output}
        self._channels_last: dict[str, str] = {}  # of a value that also exists transposed
        self._taken_in: set[str] = set()  # outputs of rectifiers that a convolution computes
        self.replaced = 0

    def rewritten(self, node: NodeProto) -> list[NodeProto]:
        """The nodes that stand for this one."""
        if node.output[0] in self._taken_in:
            return []
        if operator := self._operator_for(node):
            return list(self._convolution(node, operator))
        if self._is_doubling(node):
            return list(self._doubling(node))
        return [node]

    def _convolution(self, node: NodeProto, operator: str) -> Iterator[NodeProto]:
        rectifier = self._rectifier_behind(node)
        if rectifier is not None:
            self._taken_in.add(rectifier.output[0])
        result = (rectifier or node).output[0]
        weights = node.input[1]
        outputs = self._constants[weights].shape[1 - _inputs_axis(node)]
        operands = [node.input[0], weights, self._bias(node, outputs)]
        yield from self._native(operator, operands, result, _slope(rectifier))
        readers = self._readers[result]
        if result in self._outputs or not all(map(self._is_replaceable, readers)):
            yield _transpose(self._channels_last[result], result, [0, 3, 1, 2])

    def _doubling(self, node: NodeProto) -> Iterator[NodeProto]:
        """Each small pixel's 2x2 large ones become channels, and then pixels."""
        result = node.output[0]
        kernels = doubling_kernels(self._constants[node.input[1]])
        bias = self._constants[self._bias(node, len(kernels) // 4)]
        small = f"{result}_as_channels"
        weights = self._add(f"{result}_weights", kernels)
        repeated = self._add(f"{result}_bias", np.repeat(bias, 4))
        yield from self._native("Conv3x3", [node.input[0], weights, repeated], small, 1.0)
        yield _transpose(self._channels_last[small], small, [0, 3, 1, 2])
        yield helper.make_node("DepthToSpace", [small], [result], result, blocksize=2, mode="CRD")

    def _native(
        self, operator: str, operands: list[str], result: str, slope: float
    ) -> Iterator[NodeProto]:
        self.replaced += 1
        picture, *constants = operands
        if picture not in self._channels_last:
            self._channels_last[picture] = f"{picture}_channels_last"
            yield _transpose(picture, self._channels_last[picture], [0, 2, 3, 1])
        name = self._channels_last[result] = f"{result}_channels_last"
        inputs = [self._channels_last[picture], *constants]
        yield helper.make_node(operator, inputs, [name], name, domain=DOMAIN, slope=slope)

    def _is_replaceable(self, node: NodeProto) -> bool:
        return self._operator_for(node) is not None or self._is_doubling(node)

    def _operator_for(self, node: NodeProto) -> str | None:
        fitting = (
            operator
            for operator, (replaced, attributes) in _REPLACED.items()
            if node.op_type == replaced and self._fits(node, attributes)
        )
        return next(fitting, None)

    def _is_doubling(self, node: NodeProto) -> bool:
        return node.op_type == "ConvTranspose" and self._fits(node, _DOUBLING)

    def _fits(self, node: NodeProto, expected: dict[str, Any]) -> bool:
        constants = [name in self._constants for name in node.input[1:] if name]
        if node.domain or not all(constants) or self._constants[node.input[1]].ndim != 4:
            return False
        shape = self._constants[node.input[1]].shape
        attributes = _DEFAULTS | {"kernel_shape": list(shape[2:])} | _attributes(node)
        plain = all(attributes[name] == value for name, value in expected.items())
        return plain and shape[_inputs_axis(node)] % CHANNELS == 0

    def _rectifier_behind(self, node: NodeProto) -> NodeProto | None:
        """The one reader of a convolution, if it is a (leaky) rectifier that the kernel knows."""
        readers = self._readers[node.output[0]]
        if len(readers) != 1 or node.output[0] in self._outputs:
            return None
        reader = readers[0]
        return reader if reader.op_type in ("LeakyRelu", "Relu") and _slope(reader) <= 1 else None

    def _bias(self, node: NodeProto, outputs: int) -> str:
        if len(node.input) > 2 and node.input[2]:
            return node.input[2]
        return self._add(f"{node.output[0]}_no_bias", np.zeros(outputs, np.float32))

    def _add(self, name: str, array: np.ndarray) -> str:
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        self._constants[name] = array
        return name


def doubling_kernels(weights_IOKK: np.ndarray) -> np.ndarray:
    """A transposed convolution, 4x4 with stride 2 and padding 3, as a convolution of 3x3.

    Args:
        weights_IOKK: float32 [I, O, 4, 4].

    Returns:
        float32 [4 O, I, 3, 3]: outputs 4 o to 4 o + 3 are the 2x2 pixels of output o, row by row.
    """
    inputs, outputs = weights_IOKK.shape[:2]
    kernels = np.zeros((outputs, 2, 2, inputs, 3, 3), np.float32)
    for y, rows in enumerate(_MEETING):
        for x, columns in enumerate(_MEETING):
            for dy, row in enumerate(rows):
                for dx, column in enumerate(columns):
                    if row is not None and column is not None:
                        kernels[:, y, x, :, dy, dx] = weights_IOKK[:, :, row, column].T
    return kernels.reshape(4 * outputs, inputs, 3, 3)


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, np.ndarray]]:
    """The float32 constants, also those that are cast to it, as arrays."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        value = _attributes(node).get("value")
        if node.op_type == "Constant" and isinstance(value, TensorProto):
            stored[node.output[0]] = value
        elif _casts_to_float32(node) and node.input[0] in stored:
            array = numpy_helper.to_array(stored[node.input[0]])
            yield node.output[0], array.astype(np.float32)
    for name, tensor in stored.items():
        if tensor.data_type == TensorProto.FLOAT:
            yield name, numpy_helper.to_array(tensor)


def _casts_to_float32(node: NodeProto) -> bool:
    return node.op_type == "Cast" and _attributes(node)["to"] == TensorProto.FLOAT


def _set_nodes(graph: onnx.GraphProto, nodes: list[NodeProto]) -> None:
    """Give the graph these nodes, without nodes and constants that nobody reads any more."""
    needed = {value.name for value in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
            kept.append(node)
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:]
    del graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _inputs_axis(node: NodeProto) -> int:
    """Of a convolution's weights."""
    return 0 if node.op_type == "ConvTranspose" else 1


def _slope(rectifier: NodeProto | None) -> float:
    """Of the line below zero; 1 without a rectifier."""
    if rectifier is None:
        return 1.0
    return 0.0 if rectifier.op_type == "Relu" else float(_attributes(rectifier).get("alpha", 0.01))


def _transpose(source: str, target: str, order: list[int]) -> NodeProto:
    return helper.make_node("Transpose", [source], [target], f"{target}_transposed", perm=order)
