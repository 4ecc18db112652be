"""ONNX graphs and Triton configs from descriptions of their tensors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Name -> (Triton's data type, shape without the batch dimension); -1: any length.
Tensors = Mapping[str, tuple[str, Sequence[int]]]

_OPSET = 18
_ONNX_TYPES = {"FP32": TensorProto.FLOAT, "UINT8": TensorProto.UINT8}


def onnx_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Tensors,
    outputs: Tensors,
    constants: Mapping[str, Any],
) -> onnx.ModelProto:
    """Return a checked model whose first dimension is the batch."""

    def infos(tensors: Tensors) -> list[onnx.ValueInfoProto]:
        shapes = {
            name: ["batch", *(None if length == -1 else length for length in shape)]
            for name, (_, shape) in tensors.items()
        }
        return [
            helper.make_tensor_value_info(name, _ONNX_TYPES[dtype], shapes[name])
            for name, (dtype, _) in tensors.items()
        ]

    initializers = [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()]
    graph = helper.make_graph(nodes, "tiny", infos(inputs), infos(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 10  # onnx writes its newest, which is ahead of what onnxruntime reads
    onnx.checker.check_model(model, full_check=True)
    return model


def config_text(
    name: str,
    inputs: Tensors,
    outputs: Tensors,
    *,
    parameters: Mapping[str, str],
    instances: int,
    queue_delay_us: int = 1000,
) -> str:
    """Return config.pbtxt: complete, as Triton runs without auto-completion."""

    def listed(tensors: Tensors) -> str:
        return ",\n".join(
            f'  {{ name: "{tensor}" data_type: TYPE_{dtype} dims: {[int(d) for d in shape]} }}'
            for tensor, (dtype, shape) in tensors.items()
        )

    lines = "\n".join(
        f'parameters {{ key: "{key}" value {{ string_value: {json.dumps(value)} }} }}'
        for key, value in parameters.items()
    )
    return f"""name: "{name}"
backend: "onnxruntime"
default_model_filename: "model.onnx"
max_batch_size: 64
input [
{listed(inputs)}
]
output [
{listed(outputs)}
]
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
dynamic_batching {{ max_queue_delay_microseconds: {queue_delay_us} }}
version_policy {{ latest {{ num_versions: 1 }} }}
{lines}
"""
