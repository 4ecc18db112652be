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

# What animegan_ssim calls.
SEARCH = Library(
    "animegan_search",
    sources=(
        "common/target.c",
        *(f"search/{name}.c" for name in ("definition", "engine", "exact", "python", "ranks")),
        *(f"search/{name}.c" for name in ("sums", "tables", "targets", "workers")),
    ),
    kernels=("search/scan.c",),
    headers=(
        *_TARGET,
        *(f"search/{name}.h" for name in ("definition", "engine", "exact", "gaussian", "job")),
        *(f"search/{name}.h" for name in ("lanes", "ranks", "scan", "sums", "tables", "uniform")),
        "search/workers.h",
    ),
    links=("-lm", "-lpthread"),
)

ALL = (CONVOLUTION, SEARCH)
