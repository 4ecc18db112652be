"""The convolutions in C, for x86-64 with AVX2 or AVX-512.

`python -m animegan_conv.native` compiles it.
"""

from __future__ import annotations

from pathlib import Path

from animegan_native import NativeLibrary

KERNEL = NativeLibrary(
    Path(__file__).parent,
    ("operator.c", "winograd.h", "strided.h", "product.h", "lanes.h", "ort_abi.h"),
    "-fvisibility=hidden",
    "ONNX Runtime convolves instead, at half the speed.",
)
