"""What an exporter hands to the repository: an ONNX graph and the tensors of its contract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The image [C, H, W] in [-1, 1] before rounding: an output that parity checks and nobody publishes.
UNROUNDED = "unrounded"
# A size that every request may choose, as Triton writes it.
ANY = -1
_EXAMPLE_SIZE = 23
NumpyDtype = np.dtype[np.float32] | np.dtype[np.uint8]
NUMPY_DTYPES: dict[str, NumpyDtype] = {
    "FP32": np.dtype(np.float32),
    "UINT8": np.dtype(np.uint8),
}


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    Attributes:
        name: its name in the graph.
        dtype: Triton's name of the type, "FP32" or "UINT8".
        shape: sizes without the batch, which is always the first dimension; `ANY` where a request
            chooses.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def numpy_dtype(self) -> NumpyDtype:
        """The type as NumPy knows it."""
        return NUMPY_DTYPES[self.dtype]

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape with sizes, no two alike, where requests choose them."""
        return tuple(
            _EXAMPLE_SIZE - axis if size == ANY else size for axis, size in enumerate(self.shape)
        )


@dataclass(frozen=True)
class ServedModel:
    """A model ready to be published.

    Attributes:
        name: folder in the model repository, e.g. "stylegan_mapping".
        contract: "generator" (z -> image), "mapping", "synthesis", "layers", "embedding",
            "upscaler" or "scan".
        onnx: the serialised graph, without external data.
        inputs: in the graph's order.
        outputs: in the graph's order.
        instances: copies that Triton runs side by side.
        threads: of each; 0: as many as there are cores.
        mem_arena: whether ONNX Runtime keeps the memory of its largest run for the next one.
        native: the same graph in the operators of `animegan_kernels.convolution`, for back ends
            that have them; None: it has no second file.
    """

    name: str
    contract: str
    onnx: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    instances: int
    threads: int = 1
    mem_arena: bool = False
    native: bytes | None = None
