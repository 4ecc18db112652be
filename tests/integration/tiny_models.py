"""Small ONNX models that honour the tensor contracts, for tests that need a real Triton.

They make no faces: the picture is a fixed linear map of `z`. What counts is that it depends on
every input, and that it is exact: weights and the rounded latent are small integers, so float32
sums have no rounding error, and a result never depends on the batch, the order of summation or the
machine.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.integration.onnx_files import Tensors, config_text, onnx_model

_LATENT_STEPS = 16  # z is rounded to 1/16
_CELLS = 8  # the picture is a mosaic of 8x8 cells


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
    def inputs(self) -> Tensors:
        """Its inputs, as the contract of generators has them."""
        sizes = {"z": self.z_dim, "truncation": int(self.truncation), "noise": self.noise_size}
        return {name: ("FP32", [size]) for name, size in sizes.items() if size}

    @property
    def outputs(self) -> Tensors:
        """Its output: UINT8 [H, W, C]."""
        return {"image": ("UINT8", [self.resolution, self.resolution, self.channels])}

    def graph(self) -> onnx.ModelProto:
        """Return the checked ONNX model."""
        mosaic = (self.channels, _CELLS, _CELLS)
        rng = np.random.default_rng(self.weights_seed)
        weights = {
            name: rng.integers(-4, 5, (size, int(np.prod(mosaic)))).astype(np.float32)
            for name, (_, [size]) in self.inputs.items()
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
        psi = "truncation"
        if not self.truncation:
            psi, constants["one"] = "one", np.float32(1)
        nodes = [node for name in weights for node in _exact_linear(name)]
        nodes += [
            helper.make_node("Sum", [f"{name}_sums" for name in weights], ["sums"]),
            helper.make_node("Mul", ["sums", "gain"], ["contrast"]),
            helper.make_node("Mul", ["contrast", psi], ["truncated"]),
            helper.make_node("Add", ["truncated", "grey"], ["levels"]),
            helper.make_node("Clip", ["levels", "black", "white"], ["clipped"]),
            helper.make_node("Round", ["clipped"], ["rounded"]),
            helper.make_node("Reshape", ["rounded", "mosaic"], ["cells"]),
            helper.make_node("Resize", ["cells", "", "scales"], ["nchw"], mode="nearest"),
            helper.make_node("Transpose", ["nchw"], ["nhwc"], perm=[0, 2, 3, 1]),
            helper.make_node("Cast", ["nhwc"], ["image"], to=TensorProto.UINT8),
        ]
        return onnx_model(nodes, self.inputs, self.outputs, constants)

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
            for name, (_, [size]) in self.inputs.items()
        }
        if self.truncation:
            latents["truncation"] = rng.uniform(0.5, 1.0, (count, 1)).astype(np.float32)
        return latents


STYLEGAN = TinyGenerator("stylegan")
NOISY = TinyGenerator("stylegan_noisy", noise_size=32, weights_seed=100)
GRAY = TinyGenerator("dcgan_gray", channels=1, truncation=False, weights_seed=200)


def write_model(
    repository: Path, model: TinyGenerator, versions: Sequence[int] = (1,), instances: int = 1
) -> Path:
    """Write a model with the given versions into a Triton repository; return its folder."""
    folder = repository / model.name
    cards = {version: write_version(folder, model, version) for version in versions}
    config = config_text(
        model.name,
        model.inputs,
        model.outputs,
        parameters={"intra_op_thread_count": "1"}
        | {f"model_card_{v}": json.dumps(c, separators=(",", ":")) for v, c in cards.items()},
        instances=instances,
    )
    (folder / "config.pbtxt").write_text(config)
    return folder


def write_version(folder: Path, model: TinyGenerator, version: int) -> dict[str, Any]:
    """Write one version's graph and card below a model's folder; return the card."""
    graph = at_version(model, version).graph().SerializeToString()
    card = model.card(version, graph)
    (folder / str(version)).mkdir(parents=True)
    (folder / str(version) / "model.onnx").write_bytes(graph)
    (folder / str(version) / "model_card.json").write_text(json.dumps(card))
    return card


def at_version(model: TinyGenerator, version: int) -> TinyGenerator:
    """Return the model with a version's weights: each version makes pictures of its own."""
    return replace(model, weights_seed=model.weights_seed + version - 1)


def _exact_linear(name: str) -> list[onnx.NodeProto]:
    """Round the input to 1/16 and multiply it with integer weights: exact in float32."""
    return [
        helper.make_node("Mul", [name, "steps"], [f"{name}_steps"]),
        helper.make_node("Round", [f"{name}_steps"], [f"{name}_integers"]),
        helper.make_node("MatMul", [f"{name}_integers", f"{name}_weights"], [f"{name}_sums"]),
    ]
