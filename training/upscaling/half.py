"""Weights that were published in float16 are stored in float16: half the file, the same numbers."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SMALL = 1024  # elements below which a cast costs more than it saves


def store_as_float16(graph: onnx.ModelProto) -> None:
    """Store every large float32 weight that float16 holds exactly as float16 and a cast.

    ONNX Runtime casts once, when it loads the graph; what it computes with is the same to the bit.
    """
    for weight in list(graph.graph.initializer):
        if weight.data_type != TensorProto.FLOAT:
            continue
        array = numpy_helper.to_array(weight)
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if array.size >= _SMALL and np.array_equal(half.astype(np.float32), array):
            name = weight.name
            stored = f"{name}_float16"
            weight.CopyFrom(numpy_helper.from_array(half, stored))
            cast = helper.make_node("Cast", [stored], [name], f"{name}_cast", to=TensorProto.FLOAT)
            graph.graph.node.insert(0, cast)
