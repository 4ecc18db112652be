"""What an exporter hands to the repository: an ONNX graph and the tensors of its contract."""

from __future__ import annotations

from dataclasses import dataclass

# The image [C, H, W] in [-1, 1] before rounding: an output that parity checks and nobody publishes.
UNROUNDED = "unrounded"


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    Attributes:
        name: its name in the graph.
        dtype: Triton's name of the type, "FP32" or "UINT8".
        shape: sizes without the batch, which is always the first dimension.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ServedModel:
    """A model ready to be published.

    Attributes:
        name: folder in the model repository, e.g. "stylegan_mapping".
        contract: "generator" (z -> image), "mapping", "synthesis" or "layers".
        onnx: the serialised graph, without external data.
        inputs: in the graph's order.
        outputs: in the graph's order.
        instances: copies that Triton runs side by side.
    """

    name: str
    contract: str
    onnx: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    instances: int
