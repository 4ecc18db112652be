"""Lets a session of ONNX Runtime convolve with the native kernels."""

from __future__ import annotations

import onnx
import onnxruntime as ort

from animegan_kernels.convolution import KERNEL
from animegan_kernels.convolution.graph import replace_convolutions


def accelerated(graph: bytes, options: ort.SessionOptions) -> bytes:
    """The same model in terms of the native convolutions.

    Args:
        graph: a serialised ONNX model.
        options: of the session that will run it; they get to know the operator.

    Returns:
        A serialised ONNX model: the one that was given, if the kernel is not built here, if this
        processor cannot run it, or if the model has nothing for it.
    """
    available = KERNEL.available()
    model = onnx.load_model_from_string(graph)
    if not available or not replace_convolutions(model):
        return graph
    _, fastest = available[0]
    options.register_custom_ops_library(str(fastest))
    converted: bytes = model.SerializeToString()
    return converted
