"""Writes ONNX graphs node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

FLOAT, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)

Dtype = np.dtype[Any]


class Body:
    """A graph that grows, with constants of its own: it captures no others where it is a body."""

    def __init__(self, name: str) -> None:
        """Begin a graph; `name` begins its tensors' names."""
        self._name = name
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def graph(
        self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> GraphProto:
        """All of it."""
        return helper.make_graph(self._nodes, self._name, inputs, outputs, self._constants)

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; return its output."""
        output = output or f"{self._name}_{len(self._nodes)}_{kind}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        """Add an array; return its name."""
        name = f"{self._name}_constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def number(self, number: float, dtype: Dtype = FLOAT) -> str:
        """Add a number; return its name."""
        return self.constant(np.array(number, dtype))

    def cast(self, values: str, dtype: Dtype, output: str = "") -> str:
        """Convert."""
        return self.op("Cast", values, to=helper.np_dtype_to_tensor_dtype(dtype), output=output)

    def mean(
        self, values: str, axes: Sequence[int], *, keep: bool = False, output: str = ""
    ) -> str:
        """Mean over some axes, which vanish, or are kept with a length of 1."""
        return self.op("ReduceMean", values, axes=axes, keepdims=int(keep), output=output)

    def slice(self, values: str, axis: int, start: int, end: int, output: str = "") -> str:
        """Part of an axis."""
        bounds = [self.constant(np.array([bound], np.int64)) for bound in (start, end, axis)]
        return self.op("Slice", values, *bounds, output=output)


def value(name: str, dtype: Dtype, shape: Sequence[int | str]) -> ValueInfoProto:
    """An input or output of a graph."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)
