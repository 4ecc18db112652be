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

# Triton's backend that searches.
_INDEXES = ("calibration", "copies", "copy_library", "description", "failure", "files", "images")
_INDEXES += ("index", "kept", "library", "manifest", "manifest_checks", "nearest", "npy", "records")
_MODELS = ("answer", "backend", "canary", "model_copy_search", "model_ssim_index")
_MODELS += ("model_ssim_search", "question", "request")
TRITON_SEARCH = Library(
    "triton_animegan_search",
    sources=(
        *(f"common/{name}.c" for name in ("json", "sha256", "target")),
        *_ENGINE,
        *(f"search/{name}.c" for name in (*_INDEXES, *_MODELS)),
    ),
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

ALL = (CONVOLUTION, SEARCH, TRITON_SEARCH, TRITON_ONNXRUNTIME)
