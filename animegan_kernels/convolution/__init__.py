"""Convolutions of upscalers on CPUs twice as fast as ONNX Runtime's, to the same result.

ONNX Runtime multiplies a convolution out, nearly as fast as the processor can; the way to be faster
is to multiply less. Winograd's algorithm takes a quarter of the products of a 3x3 convolution
(winograd.h). It comes as operators for ONNX Runtime (operator.c), with those of 2x2
that lie between such convolutions in U-nets (strided.h), and as what puts them into the
graphs of models (graph.py), which stay plain ONNX for everybody else.
"""
