"""What each library is made of."""

from __future__ import annotations

from animegan_kernels.build import Library

_TARGET = ("common/target.h",)

# Custom operators of ONNX Runtime.
CONVOLUTION = Library(
    "animegan_convolution",
    sources=("common/target.c", "convolution/operator.c"),
    kernels=("convolution/algorithms.c",),
    headers=(
        *_TARGET,
        *(f"convolution/{name}.h" for name in ("algorithm", "lanes", "ort_abi", "product")),
        *(f"convolution/{name}.h" for name in ("strided", "winograd")),
    ),
    links=("-lpthread",),
)

# What lets skia-python be loaded where the system has neither of the two.
GRAPHICS = tuple(
    Library(name, sources=("graphics/stand_in.c",), links=(f"-Wl,-soname,lib{name}.so.1",))
    for name in ("GL", "EGL")
)

ALL = (CONVOLUTION, *GRAPHICS)
