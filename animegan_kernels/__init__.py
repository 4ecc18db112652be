"""What is compiled: C for the processors that serve, built once and found again.

build         compiles each library, with the C compiler that there is or with one from PyPI
search        exact search by SSIM
onnxruntime   Triton's backend of that name for CPUs
convolution   operators of ONNX Runtime for networks that enlarge, and what puts them into graphs
"""

import os

# Before ONNX Runtime is loaded: its wheels report their use to their makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
