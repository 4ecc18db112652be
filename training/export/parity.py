"""Whether ONNX Runtime computes what PyTorch does: measured on every export, told in the card."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from training.export.model import UNROUNDED, TensorSpec

SEEDS = 256
BATCH = 32
MAX_ERROR = 1e-4
MAX_LEVELS = 1


class ParityError(RuntimeError):
    """The exported graph does not compute what the network does; it must not be published."""


@dataclass(frozen=True)
class Parity:
    """How far ONNX Runtime is from PyTorch.

    Attributes:
        seeds: inputs compared.
        errors: for each FP32 output the largest absolute difference. Those of w and of activations,
            which have no fixed range, are divided by the output's largest magnitude if above 1.
        levels: largest difference of a UINT8 output, 0-255; none without such an output.
    """

    seeds: int
    errors: dict[str, float]
    levels: int | None

    def check(self, name: str) -> None:
        """Refuse a graph that is further away than `MAX_ERROR` and `MAX_LEVELS`.

        Raises:
            ParityError: it is, or it is not a number; the message names the output.
        """
        for output, error in self.errors.items():
            if not error <= MAX_ERROR:
                raise ParityError(f"{name}: output {output} is off by {error:.1e} > {MAX_ERROR}")
        if self.levels is not None and self.levels > MAX_LEVELS:
            raise ParityError(f"{name}: a pixel is off by {self.levels} levels > {MAX_LEVELS}")

    def to_card(self) -> dict[str, Any]:
        """The figures as the model card tells them."""
        return {
            "reference": f"PyTorch {version('torch')}",
            "runtime": f"ONNX Runtime {version('onnxruntime')}",
            "seeds": self.seeds,
            "max_error": {name: float(f"{error:.3g}") for name, error in self.errors.items()},
            "max_levels": self.levels,
        }


def measure(
    module: nn.Module,
    graph: onnx.ModelProto,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    seeds: int = SEEDS,
) -> Parity:
    """Run both on the same random inputs.

    Args:
        module: the reference; takes `inputs` and returns `outputs`, in this order.
        graph: the exported graph of the same inputs and outputs.
        inputs: FP32 or UINT8.
        outputs: FP32 or UINT8.
        seeds: how many inputs.
    """
    session = open_session(graph.SerializeToString())
    worst = dict.fromkeys((spec.name for spec in outputs), 0.0)
    magnitude = dict.fromkeys(worst, 1.0)
    for first in range(0, seeds, BATCH):
        feed = random_inputs(inputs, range(first, min(seeds, first + BATCH)))
        got = session.run(list(worst), feed)
        with torch.no_grad():
            wanted = module(*(torch.from_numpy(array) for array in feed.values()))
        for name, ours, tensor in zip(worst, got, wanted, strict=True):
            reference = tensor.numpy().astype(np.float64)
            # np.maximum, unlike max, hands a NaN on.
            worst[name] = float(np.maximum(worst[name], np.abs(ours - reference).max()))
            if name != UNROUNDED:
                magnitude[name] = max(magnitude[name], float(np.abs(reference).max()))
    levels = [int(worst[spec.name]) for spec in outputs if spec.dtype == "UINT8"]
    errors = {s.name: worst[s.name] / magnitude[s.name] for s in outputs if s.dtype == "FP32"}
    return Parity(seeds, errors, max(levels, default=None))


def random_inputs(inputs: tuple[TensorSpec, ...], seeds: range) -> dict[str, np.ndarray]:
    """Draw inputs, one generator per seed; see `draw`."""
    feed: dict[str, list[np.ndarray]] = {spec.name: [] for spec in inputs}
    for seed in seeds:
        random = np.random.Generator(np.random.Philox(key=seed))
        for spec in inputs:
            feed[spec.name].append(draw(spec, random))
    return {name: np.stack(rows) for name, rows in feed.items()}


def draw(spec: TensorSpec, random: np.random.Generator) -> np.ndarray:
    """Draw one input: pixels and a truncation uniformly, everything else from N(0, 1)."""
    if spec.dtype == "UINT8":
        return random.integers(0, 256, spec.example_shape, np.uint8)
    if spec.name == "truncation":
        return random.random(spec.example_shape, dtype=np.float32)
    return random.standard_normal(spec.example_shape, dtype=np.float32)


def open_session(graph: bytes) -> onnxruntime.InferenceSession:
    """Open a graph as it is served on a CPU: one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
