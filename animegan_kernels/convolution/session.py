"""Lets a session of ONNX Runtime convolve with the native kernels."""

from __future__ import annotations

import onnx
import onnxruntime as ort

from animegan_kernels.convolution.graph import replace_convolutions
from animegan_kernels.libraries import CONVOLUTION


def accelerated(graph: bytes, options: ort.SessionOptions) -> bytes:
    """The same model in terms of the native convolutions.

    Args:
        graph: a serialised ONNX model.
        options: of the session that will run it; they get to know the operators.

    Returns:
        A serialised ONNX model: the one that was given, if it has nothing for them.

    Raises:
        CompilerError: the library is not built.
    """
    model = onnx.load_model_from_string(graph)
    if not replace_convolutions(model):
        return graph
    options.register_custom_ops_library(str(CONVOLUTION.built()))
    converted: bytes = model.SerializeToString()
    return converted
