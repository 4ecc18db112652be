"""From trained weights to a Triton model repository: ONNX, parity check, atomic publishing."""
