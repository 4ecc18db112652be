"""What each library is made of."""

from __future__ import annotations

from animegan_kernels.build import Library

_THREADS = "-lpthread"

# Custom operators of ONNX Runtime.
CONVOLUTION = Library(
    "animegan_convolution",
    sources=("common/target.c", "convolution/operator.c"),
    kernels=("convolution/algorithms.c",),
    links=(_THREADS,),
)

# The exact search by SSIM, which Python calls through ctypes.
_ENGINE = tuple(
    f"search/{name}.c"
    for name in ("definition", "engine", "exact", "ranks", "sums", "tables", "targets", "workers")
)
SEARCH = Library(
    "animegan_search",
    sources=("common/target.c", *_ENGINE, "search/python.c"),
    kernels=("search/scan.c",),
    links=("-lm", _THREADS),
)

# Triton's backend `onnxruntime`.
TRITON_ONNXRUNTIME = Library(
    "triton_onnxruntime",
    sources=(
        *("common/json.c", "common/sha256.c"),
        *(f"onnxruntime/{name}.c" for name in ("answer", "backend", "file", "graph", "job")),
        *(f"onnxruntime/{name}.c" for name in ("joined", "model", "run", "runtime", "settings")),
        "onnxruntime/types.c",
    ),
    links=("-lm", "-ldl", _THREADS),
)

# What lets skia-python be loaded where the system has neither of the two.
GRAPHICS = tuple(
    Library(name, sources=("graphics/stand_in.c",), links=(f"-Wl,-soname,lib{name}.so.1",))
    for name in ("GL", "EGL")
)

ALL = (CONVOLUTION, SEARCH, TRITON_ONNXRUNTIME, *GRAPHICS)
