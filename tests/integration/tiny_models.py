"""Small ONNX models that honour the tensor contracts, for tests that need a real Triton.

They make no faces: the picture is a fixed linear map of `z`. What counts is that it depends on
every input, and that it is exact: weights and the rounded latent are small integers, so float32
sums have no rounding error, and a result never depends on the batch, the order of summation or the
machine.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LATENT_STEPS = 16  # z is rounded to 1/16
_CELLS = 8  # the picture is a mosaic of 8x8 cells
_OPSET = 18


@dataclass(frozen=True)
class TinyGenerator:
    """A generator `z [, truncation] [, noise] -> image`."""

    name: str = "stylegan"
    z_dim: int = 128
    resolution: int = 64
    channels: int = 3
    truncation: bool = True
    noise_size: int = 0
    weights_seed: int = 0

    @property
    def inputs(self) -> dict[str, int]:
        """Input names with their sizes, batch dimension excluded; all are FP32."""
        return (
            {"z": self.z_dim}
            | ({"truncation": 1} if self.truncation else {})
            | ({"noise": self.noise_size} if self.noise_size else {})
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels of the UINT8 output `image`."""
        return (self.resolution, self.resolution, self.channels)

    def graph(self) -> onnx.ModelProto:
        """Return the checked ONNX model."""
        mosaic = (self.channels, _CELLS, _CELLS)
        rng = np.random.default_rng(self.weights_seed)
        weights = {
            name: rng.integers(-4, 5, (size, int(np.prod(mosaic)))).astype(np.float32)
            for name, size in self.inputs.items()
            if name != "truncation"
        }
        constants = {
            **{f"{name}_weights": array for name, array in weights.items()},
            "steps": np.float32(_LATENT_STEPS),
            "gain": np.float32(1 / 16),
            "grey": np.float32(128),
            "black": np.float32(0),
            "white": np.float32(255),
            "mosaic": np.array([-1, *mosaic], np.int64),
            "scales": np.array([1, 1] + [self.resolution / _CELLS] * 2, np.float32),
        }
        nodes = [node for name in weights for node in _exact_linear(name)]
        nodes += [helper.make_node("Sum", [f"{n}_sums" for n in weights], ["sums"])]
        psi = "truncation" if self.truncation else "gain"
        nodes += [
            helper.make_node("Mul", ["sums", "gain"], ["scaled"]),
            helper.make_node("Mul" if self.truncation else "Identity",
                             ["scaled", psi] if self.truncation else ["scaled"], ["styled"]),
            helper.make_node("Add", ["styled", "grey"], ["levels"]),
            helper.make_node("Clip", ["levels", "black", "white"], ["clipped"]),
            helper.make_node("Round", ["clipped"], ["rounded"]),
            helper.make_node("Reshape", ["rounded", "mosaic"], ["cells"]),
            helper.make_node("Resize", ["cells", "", "scales"], ["nchw"], mode="nearest"),
            helper.make_node("Transpose", ["nchw"], ["nhwc"], perm=[0, 2, 3, 1]),
            helper.make_node("Cast", ["nhwc"], ["image"], to=TensorProto.UINT8),
        ]  # fmt: skip
        return _model(
            nodes,
            {n: (TensorProto.FLOAT, [s]) for n, s in self.inputs.items()},
            {"image": (TensorProto.UINT8, self.image_shape)},
            constants,
        )

    def card(self, version: int, graph: bytes) -> dict[str, Any]:
        """Return the model card of one version."""
        return {
            "name": self.name,
            "version": version,
            "description": "a mosaic for tests",
            "kind": "stylegan2" if self.truncation else "dcgan",
            "resolution": self.resolution,
            "channels": self.channels,
            "z_dim": self.z_dim,
            "w_dim": self.z_dim,
            "num_layers": 0,
            "noise_size": self.noise_size,
            "default_truncation": 0.7,
            "files": {
                "model.onnx": {"sha256": hashlib.sha256(graph).hexdigest(), "bytes": len(graph)}
            },
            "dataset": {"name": "none", "digest": "0" * 64, "licence": "CC0-1.0"},
            "training": {"preset": "none", "images_seen": 0, "commit": "", "config": {}},
            "metrics": {"kid_x1000": 1.5},
            "licence": "Apache-2.0",
            "parity": {},
            "created": "2026-01-01T00:00:00Z",
        }

    def latents(self, count: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Return random inputs for `count` images: FP32 [count, size], truncation in [0.5, 1)."""
        rng = np.random.default_rng(seed)
        latents = {
            name: rng.standard_normal((count, size)).astype(np.float32)
            for name, size in self.inputs.items()
        }
        if self.truncation:
            latents["truncation"] = rng.uniform(0.5, 1.0, (count, 1)).astype(np.float32)
        return latents


STYLEGAN = TinyGenerator("stylegan")
NOISY = TinyGenerator("stylegan_noisy", noise_size=32, weights_seed=100)
GRAY = TinyGenerator("dcgan_gray", channels=1, truncation=False, weights_seed=200)


def write_model(
    repository: Path, model: TinyGenerator, versions: tuple[int, ...] = (1,), instances: int = 1
) -> Path:
    """Write a model with the given versions into a Triton repository; return its folder.

    Version v has the weights of seed `weights_seed + v - 1`: versions make different pictures.
    """
    folder = repository / model.name
    cards = {version: write_version(folder, model, version) for version in versions}
    (folder / "config.pbtxt").write_text(_config(model, cards, instances))
    return folder


def write_version(folder: Path, model: TinyGenerator, version: int) -> dict[str, Any]:
    """Write one version's graph and card below a model's folder; return the card."""
    seed = model.weights_seed + version - 1
    changes = {**vars(model), "weights_seed": seed}
    graph = TinyGenerator(**changes).graph().SerializeToString()
    card = model.card(version, graph)
    (folder / str(version)).mkdir(parents=True)
    (folder / str(version) / "model.onnx").write_bytes(graph)
    (folder / str(version) / "model_card.json").write_text(json.dumps(card))
    return card


def _exact_linear(name: str) -> list[onnx.NodeProto]:
    """Round the input to 1/16 and multiply it with integer weights: exact in float32."""
    return [
        helper.make_node("Mul", [name, "steps"], [f"{name}_steps"]),
        helper.make_node("Round", [f"{name}_steps"], [f"{name}_integers"]),
        helper.make_node("MatMul", [f"{name}_integers", f"{name}_weights"], [f"{name}_sums"]),
    ]


def _model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, Any]],
    outputs: dict[str, tuple[int, Any]],
    constants: dict[str, Any],
) -> onnx.ModelProto:
    def tensors(described: dict[str, tuple[int, Any]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, kind, ["batch", *shape])
            for name, (kind, shape) in described.items()
        ]

    initializers = [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()]
    graph = helper.make_graph(nodes, "tiny", tensors(inputs), tensors(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 10  # what onnxruntime of the stub reads; onnx writes its newest by default
    onnx.checker.check_model(model, full_check=True)
    return model


def _config(model: TinyGenerator, cards: dict[int, dict[str, Any]], instances: int) -> str:
    """Return config.pbtxt: complete, as Triton runs without auto-completion."""
    inputs = ",\n".join(
        f'  {{ name: "{name}" data_type: TYPE_FP32 dims: [ {size} ] }}'
        for name, size in model.inputs.items()
    )
    parameters = {"intra_op_thread_count": "1"} | {
        f"model_card_{version}": json.dumps(card, separators=(",", ":"))
        for version, card in cards.items()
    }
    shape = ", ".join(map(str, model.image_shape))
    lines = "\n".join(
        f'parameters {{ key: "{key}" value {{ string_value: {json.dumps(value)} }} }}'
        for key, value in parameters.items()
    )
    return f"""name: "{model.name}"
backend: "onnxruntime"
default_model_filename: "model.onnx"
max_batch_size: 64
input [
{inputs}
]
output [ {{ name: "image" data_type: TYPE_UINT8 dims: [ {shape} ] }} ]
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
dynamic_batching {{ max_queue_delay_microseconds: 1000 }}
version_policy {{ latest {{ num_versions: 1 }} }}
{lines}
"""
