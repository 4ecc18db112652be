"""What each library is made of."""

from __future__ import annotations

from animegan_kernels.build import Library

_THREADS = "-lpthread"


def _files(folder: str, names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.c" for name in names.split())


# Custom operators of ONNX Runtime.
CONVOLUTION = Library(
    "animegan_convolution",
    sources=(*_files("common", "target"), *_files("convolution", "operator")),
    kernels=_files("convolution", "algorithms"),
    links=(_THREADS,),
)

# The exact search by SSIM: for Python, which calls it through ctypes, and for Triton's backend.
_ENGINE = (
    *_files("common", "target"),
    *_files("search", "definition engine exact ranks sums tables targets workers"),
)
_SCAN = _files("search", "scan")
SEARCH = Library(
    "animegan_search",
    sources=(*_ENGINE, *_files("search", "python")),
    kernels=_SCAN,
    links=("-lm", _THREADS),
)

# Triton's backend `animegan_search`.
TRITON_SEARCH = Library(
    "triton_animegan_search",
    sources=(
        *_ENGINE,
        *_files("common", "json json_write sha256"),
        *_files("search", "calibration copies copy_library description failure files images index"),
        *_files("search", "kept library manifest manifest_checks nearest npy part records"),
        *_files("search", "answer backend canary question request"),
        *_files("search", "model_copy_search model_ssim_index model_ssim_search"),
    ),
    kernels=(*_SCAN, *_files("search", "products")),
    links=("-lm", _THREADS),
)

# Triton's backend `onnxruntime`, for CPUs.
TRITON_ONNXRUNTIME = Library(
    "triton_onnxruntime",
    sources=(
        *_files("common", "json json_write sha256 target"),
        *_files("onnxruntime", "answer backend file graph job joined model run runtime settings"),
        *_files("onnxruntime", "types"),
    ),
    links=("-lm", "-ldl", _THREADS),
)

# Triton's backend `occupied`, for measurements: built by those that need it.
TRITON_OCCUPIED = Library(
    "triton_occupied", sources=(*_files("common", "json"), *_files("occupied", "backend"))
)

# What lets skia-python be loaded where the system has neither of the two.
GRAPHICS = tuple(
    Library(name, sources=("graphics/stand_in.c",), links=(f"-Wl,-soname,lib{name}.so.1",))
    for name in ("GL", "EGL")
)

ALL = (CONVOLUTION, SEARCH, TRITON_SEARCH, TRITON_ONNXRUNTIME, *GRAPHICS)
