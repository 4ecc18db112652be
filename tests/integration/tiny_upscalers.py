"""Small ONNX networks that honour the contract of upscalers, for tests that need a real Triton.

Each makes pixels larger and lets every pixel depend on its neighbours, by a 3x3 kernel of
sixteenths that sum up to 1: flat colours stay flat, and float32 has no rounding error.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.integration.onnx_files import Tensors, config_text, onnx_model

_STEPS = 16  # weights are multiples of 1/16


@dataclass(frozen=True)
class TinyUpscaler:
    """A network `image [h,w,3] -> upscaled [scale*h,scale*w,3]`."""

    method: str
    scale: int = 2
    noise: int = -1
    seed: int = 0

    @property
    def name(self) -> str:
        """Its name in Triton."""
        ending = "" if self.noise == -1 else f"_noise{self.noise}"
        return f"upscale_{self.method}_{self.scale}x{ending}"

    def graph(self) -> onnx.ModelProto:
        """Return the checked ONNX model."""
        constants = {
            "scales": np.array([1, 1, self.scale, self.scale], np.float32),
            "edges": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
            "kernels": self._kernels(),
            "black": np.float32(0),
            "white": np.float32(255),
        }
        nodes = [
            helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["levels"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Resize", ["planes", "", "scales"], ["large"], mode="nearest"),
            helper.make_node("Pad", ["large", "edges"], ["padded"], mode="edge"),
            helper.make_node("Conv", ["padded", "kernels"], ["sums"]),
            helper.make_node("Clip", ["sums", "black", "white"], ["clipped"]),
            helper.make_node("Round", ["clipped"], ["rounded"]),
            helper.make_node("Transpose", ["rounded"], ["pixels"], perm=[0, 2, 3, 1]),
            helper.make_node("Cast", ["pixels"], ["upscaled"], to=TensorProto.UINT8),
        ]
        return onnx_model(nodes, INPUTS, OUTPUTS, constants)

    def card(self, version: int, graph: bytes) -> dict[str, Any]:
        """Return the model card of one version."""
        return {
            "name": self.name,
            "version": version,
            "contract": "upscaler",
            "description": "a kernel for tests",
            "method": self.method,
            "scale": self.scale,
            "noise": self.noise,
            "margin": 1,
            "alignment": 1,
            "pools_globally": False,
            "channels": 3,
            "files": {
                "model.onnx": {"sha256": hashlib.sha256(graph).hexdigest(), "bytes": len(graph)}
            },
            "metrics": {"psnr": 30.5},
            "licence": "Apache-2.0",
            "parity": {},
            "created": "2026-01-01T00:00:00Z",
        }

    def _kernels(self) -> np.ndarray:
        """Weights [3,3,3,3]: each output channel takes its own channel, and a little of others."""
        rng = np.random.default_rng([self.seed, self.scale, self.noise + 1])
        kernels = rng.integers(-2, 3, (3, 3, 3, 3))
        for channel in range(3):
            kernels[channel, channel, 1, 1] += _STEPS - kernels[channel].sum()
        return (kernels / _STEPS).astype(np.float32)


INPUTS: Tensors = {"image": ("UINT8", (-1, -1, 3))}
OUTPUTS: Tensors = {"upscaled": ("UINT8", (-1, -1, 3))}


def write_upscaler(
    repository: Path, model: TinyUpscaler, version: int = 1, instances: int = 1
) -> Path:
    """Write a version of a model into a Triton repository; return the model's folder."""
    graph = model.graph().SerializeToString()
    card = model.card(version, graph)
    folder = repository / model.name
    (folder / str(version)).mkdir(parents=True)
    (folder / str(version) / "model.onnx").write_bytes(graph)
    (folder / str(version) / "model_card.json").write_text(json.dumps(card))
    config = config_text(
        model.name,
        INPUTS,
        OUTPUTS,
        parameters={
            "intra_op_thread_count": "1",
            f"model_card_{version}": json.dumps(card, separators=(",", ":")),
        },
        instances=instances,
        queue_delay_us=0,
    )
    (folder / "config.pbtxt").write_text(config)
    return folder
