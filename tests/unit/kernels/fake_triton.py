"""The backend `onnxruntime` in this process, in the hands of the small Triton of tests/fuzz."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from animegan_kernels.build import SOURCES
from animegan_kernels.libraries import TRITON_ONNXRUNTIME
from tests.requires import require_program

TYPES = ["", "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
TYPES += ["float16", "float32", "float64"]  # in the order of Triton's numbers
INVALID_ARGUMENT, UNAVAILABLE, CANCELLED = 3, 4, 7
CPU, GPU = 0, 2
_TEXT = 4096


@dataclass
class Request:
    """What a request brings.

    Attributes:
        inputs: name -> tensor.
        outputs: names of what it asks for.
        pieces: how many buffers each input lies in.
        shift: bytes that the buffers are off from where memory is aligned.
        memory: where the inputs lie.
        shapes: name -> another shape than the tensor's.
        cancelled: whether its caller has gone.
        refuses_buffers: whether Triton has no memory for its outputs.
    """

    inputs: Mapping[str, np.ndarray]
    outputs: Sequence[str] = ("y",)
    pieces: int = 1
    shift: int = 0
    memory: int = CPU
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    cancelled: bool = False
    refuses_buffers: bool = False


@dataclass(frozen=True)
class Failed:
    """An error instead of outputs."""

    code: int
    message: str


@dataclass(frozen=True)
class Counts:
    """What Triton has noticed since it was asked last; `lent` is what was never given back."""

    lent: int
    logged: int
    reported: int
    batches: int
    rows: int
    last_log: str


class LoadError(Exception):
    """The backend refuses."""


def compile_library(folder: Path) -> ctypes.CDLL:
    """Backend and Triton as one library."""
    sources = [SOURCES / name for name in TRITON_ONNXRUNTIME.sources]
    library = folder / "fake_triton.so"
    fake = Path(__file__).parents[2] / "fuzz" / "triton.c"
    flags = ["-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-I", SOURCES]
    flags += shlex.split(os.environ.get("CFLAGS", ""))  # sanitizers, for example
    command = [require_program("cc"), *flags, fake, *sources, "-o", library, "-ldl", "-lm"]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("fake_backend", "fake_model", "fake_request", "fake_output"):
        getattr(loaded, name).restype = ctypes.c_void_p
    return loaded


def onnxruntime_library() -> Path:
    """In the wheel."""
    package = importlib.util.find_spec("onnxruntime")
    assert package and package.origin
    [library] = (Path(package.origin).parent / "capi").glob("libonnxruntime.so.*")
    return library


class FakeTriton:
    """Loads models and runs requests."""

    def __init__(self, library: ctypes.CDLL, folder: Path, options: Mapping[str, str]) -> None:
        """Initialise the backend.

        Args:
            library: as `compile_library` returns it.
            folder: where the backend thinks it lies.
            options: what `--backend-config=onnxruntime,` has been given.

        Raises:
            LoadError: the backend refuses.
        """
        self._library = library
        text = json.dumps({"cmdline": options}).encode()
        message = ctypes.create_string_buffer(_TEXT)
        backend = library.fake_backend(text, str(folder).encode(), message)
        if not backend:
            raise LoadError(message.value.decode())
        self._backend = ctypes.c_void_p(backend)

    def close(self) -> None:
        """Finalise the backend."""
        self._library.fake_backend_end(self._backend)

    def load(self, folder: Path, config: Mapping[str, Any] | str, version: int = 1) -> Model:
        """Load a version.

        Raises:
            LoadError: the backend refuses.
        """
        text = (config if isinstance(config, str) else json.dumps(config)).encode()
        message = ctypes.create_string_buffer(_TEXT)
        number = ctypes.c_uint64(version)
        model = self._library.fake_model(self._backend, str(folder).encode(), number, text, message)
        if not model:
            raise LoadError(message.value.decode())
        return Model(self._library, ctypes.c_void_p(model))

    def counts(self) -> Counts:
        """What has happened since the last call."""
        numbers, log = (ctypes.c_int * 4)(), ctypes.create_string_buffer(_TEXT)
        lent = self._library.fake_counts(numbers, log)
        return Counts(lent, *numbers, last_log=log.value.decode())


class Model:
    """A loaded version."""

    def __init__(self, library: ctypes.CDLL, model: ctypes.c_void_p) -> None:
        self._library, self._model = library, model

    def unload(self) -> None:
        """Finalise it."""
        self._library.fake_model_end(self._model)

    def run(self, *requests: Request) -> list[dict[str, np.ndarray] | Failed]:
        """Execute requests as one batch; every one must be answered, and released, once."""
        made = [self._made(request) for request in requests]
        array = (ctypes.c_void_p * len(made))(*made)
        self._library.fake_execute(self._model, array, len(made))
        pairs = zip(made, requests, strict=True)
        answers = [self._answer(ctypes.c_void_p(each), request) for each, request in pairs]
        for each in made:
            self._library.fake_request_end(ctypes.c_void_p(each))
        return answers

    def one(self, request: Request) -> dict[str, np.ndarray]:
        """The outputs of a single request that must not fail."""
        [answer] = self.run(request)
        assert isinstance(answer, dict), answer
        return answer

    def _made(self, request: Request) -> int:
        room = ctypes.c_uint64(0 if request.refuses_buffers else 2**40)
        made: int = self._library.fake_request(request.cancelled, room)
        for name, array in request.inputs.items():
            shape = request.shapes.get(name, array.shape)
            sizes = (ctypes.c_int64 * len(shape))(*shape)
            kind = TYPES.index(array.dtype.name)
            place = ctypes.c_void_p(made)
            self._library.fake_input(place, name.encode(), kind, sizes, len(shape), request.memory)
            ends = [array.nbytes * (i + 1) // max(request.pieces, 1) for i in range(request.pieces)]
            for start, end in zip([0, *ends], ends, strict=False):
                data, length = array.tobytes()[start:end], ctypes.c_uint64(end - start)
                self._library.fake_piece(place, data, length, request.shift)
        for name in request.outputs:
            self._library.fake_want(ctypes.c_void_p(made), name.encode())
        return made

    def _answer(self, made: ctypes.c_void_p, request: Request) -> dict[str, np.ndarray] | Failed:
        message = ctypes.create_string_buffer(_TEXT)
        code = self._library.fake_outcome(made, message)
        assert code != -2, "answered and released once, with statistics that tell the outcome"
        if code >= 0:
            return Failed(code, message.value.decode())
        found = {name: self._output(made, name) for name in request.outputs}
        return {name: array for name, array in found.items() if array is not None}

    def _output(self, made: ctypes.c_void_p, name: str) -> np.ndarray | None:
        kind, dimensions, length = ctypes.c_int(), ctypes.c_uint32(), ctypes.c_uint64()
        sizes = (ctypes.c_int64 * 32)()
        numbers = [ctypes.byref(kind), sizes, ctypes.byref(dimensions), ctypes.byref(length)]
        data = self._library.fake_output(made, name.encode(), *numbers)
        if not data:
            return None
        content = ctypes.string_at(data, length.value)
        return np.frombuffer(content, TYPES[kind.value]).reshape(sizes[: dimensions.value])
