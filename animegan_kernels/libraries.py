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

# The search engine: what its library for Python and Triton's backend share.
_ENGINE = ("definition", "engine", "exact", "ranks", "sums", "tables", "targets", "workers")
_ENGINE_HEADERS = ("definition", "engine", "exact", "gaussian", "job", "lanes", "ranks", "scan")
_ENGINE_HEADERS += ("sums", "tables", "uniform", "workers")

# Triton's backend that searches.
_INDEXES = ("calibration", "copies", "copy_library", "description", "failure", "files", "images")
_INDEXES += ("index", "kept", "library", "manifest", "manifest_checks", "nearest", "npy", "records")
_MODELS = ("answer", "backend", "canary", "model_copy_search", "model_ssim_index")
_MODELS += ("model_ssim_search", "question", "request")
_SEARCH_HEADERS = ("calibration", "canary", "canary_pictures", "copies", "copy_library", "description")
_SEARCH_HEADERS += ("failure", "files", "index", "kept", "library", "manifest", "npy")
_SEARCH_HEADERS += ("products", "question", "records", "request")
TRITON_SEARCH = Library(
    "triton_animegan_search",
    sources=(
        *(f"common/{name}.c" for name in ("json", "sha256", "target")),
        *(f"search/{name}.c" for name in (*_ENGINE, *_INDEXES, *_MODELS)),
    ),
    kernels=("search/products.c", "search/scan.c"),
    headers=(
        *_TARGET,
        *(f"common/{name}.h" for name in ("json", "sha256", "triton")),
        *(f"search/{name}.h" for name in (*_ENGINE_HEADERS, *_SEARCH_HEADERS)),
    ),
    links=("-lm", "-lpthread"),
)

ALL = (CONVOLUTION, TRITON_SEARCH)
