"""A generator of random real weights, made of the layers of the trained ones.

The tiny models are exact by construction; in this one the order of a sum shows in the result.
"""

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from tests.integration.onnx_files import config_text, onnx_model
from tests.integration.tiny_models import TinyGenerator

MODEL = TinyGenerator("stylegan")  # for its inputs, outputs and card
_WIDTH = 64


def write_float_model(repository: Path) -> None:
    """Write it into a Triton repository, as "stylegan" version 1."""
    graph = _graph()
    folder = repository / MODEL.name / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph)
    parameters = {
        "intra_op_thread_count": "1",
        "model_card_1": json.dumps(MODEL.card(1, graph)),
    }
    config = config_text(
        MODEL.name, MODEL.inputs, MODEL.outputs, parameters=parameters, instances=2
    )
    (folder.parent / "config.pbtxt").write_text(config)


def _graph() -> bytes:
    """z → 3 dense layers → 8x8 → 3 transposed convolutions to 64x64 → RGB."""
    rng = np.random.default_rng(0)
    constants: dict[str, np.ndarray] = {}
    nodes = [helper.make_node("Mul", ["z", "truncation"], ["dense0"])]

    def weight(name: str, *shape: int, fan_in: int) -> str:
        values = rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        constants[name] = values.astype(np.float32)
        return name

    def add(operator: str, inputs: list[str], output: str, **attributes: object) -> None:
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))

    for i, (n, m) in enumerate([(128, 128), (128, 128), (128, 64 * _WIDTH)]):
        add("MatMul", [f"dense{i}", weight(f"W{i}", n, m, fan_in=n)], f"sum{i}")
        add("LeakyRelu", [f"sum{i}"], f"dense{i + 1}", alpha=0.2)
    constants["start"] = np.array([-1, _WIDTH, 8, 8], np.int64)
    add("Reshape", ["dense3", "start"], "features0")
    for i in range(3):
        n, m = _WIDTH >> i, _WIDTH >> (i + 1)
        kernel = weight(f"K{i}", n, m, 4, 4, fan_in=4 * n)
        add("ConvTranspose", [f"features{i}", kernel], f"up{i}", strides=[2, 2], pads=[1] * 4)
        add("LeakyRelu", [f"up{i}"], f"features{i + 1}", alpha=0.2)
    rgb = weight("rgb", 3, _WIDTH >> 3, 3, 3, fan_in=9 * (_WIDTH >> 3))
    add("Conv", ["features3", rgb], "colours", pads=[1] * 4)
    add("Tanh", ["colours"], "bounded")
    constants |= {"half": np.float32(127.5)}
    add("Mul", ["bounded", "half"], "scaled")
    add("Add", ["scaled", "half"], "levels")
    add("Round", ["levels"], "rounded")
    add("Transpose", ["rounded"], "nhwc", perm=[0, 2, 3, 1])
    add("Cast", ["nhwc"], "image", to=TensorProto.UINT8)
    return onnx_model(nodes, MODEL.inputs, MODEL.outputs, constants).SerializeToString()
