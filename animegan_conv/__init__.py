"""3x3 convolutions on CPUs about twice as fast as ONNX Runtime's, to the same result.

ONNX Runtime multiplies a convolution out, nearly as fast as the processor can; the way to be faster
is to multiply less. Winograd's algorithm takes a quarter of the products (native/winograd.h). It
comes as an operator for ONNX Runtime (native/operator.c) and as what puts that into the graphs of
models (graph.py), which stay plain ONNX for everybody else.
"""
