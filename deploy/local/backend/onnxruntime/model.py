"""A Triton backend, written in Python, that serves ONNX models with onnxruntime on the CPU.

Triton's Python backend runs this file in a process of its own (the "stub") per model instance, for
every model whose config says `backend: "onnxruntime"`. In a cluster the same model repository is
served by NVIDIA's C++ backend of the same name, so this file follows its configuration:
`default_model_filename` and the parameters `intra_op_thread_count` and `enable_mem_arena`, which is
off here if the configuration says nothing. The parameter `native_convolutions` is ours: models that
have it are run with the kernel of `animegan_kernels/convolution`.

It runs in the stub's environment, not in the project's: numpy 1.x, onnx, onnxruntime, Triton's own
module and the packages of the checkout that need no more are importable. Batches have their first
dimension in common; inputs and outputs are those that the model's config names, no others.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils

if int(np.__version__.split(".")[0]) >= 2:
    # The stub was compiled against numpy 1: with numpy 2 it hands over wrong tensors, silently.
    raise ImportError(f"the stub needs numpy < 2, its environment has {np.__version__}")

# The activations of eight images fit the processor's caches: a batch of 64 of the 64x64 StyleGAN2
# in slices of 8 takes 2.1 ms an image and 88 MB, at once 2.9 ms and 218 MB (one thread, AVX2).
# Where requests choose the size, one image can fill all caches, and even small ones gain nothing
# from company: waifu2x's upconv7 takes 12.7 ms for one of 32x32 pixels, 12.8 ms each for 8.
_IMAGES_AT_A_TIME = 8

Arrays = dict[str, np.ndarray]


class TritonPythonModel:
    """One instance of one model version."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Leave the config as it is: the model repository has complete ones."""
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model. An exception makes Triton report the version as not loadable."""
        config = json.loads(args["model_config"])
        self._inputs: list[str] = [tensor["name"] for tensor in config["input"]]
        self._outputs: list[str] = [tensor["name"] for tensor in config["output"]]
        self._batches = config["max_batch_size"] > 0
        self._images_at_a_time = _images_at_a_time(config)
        filename = config["default_model_filename"] or "model.onnx"
        path = Path(args["model_repository"]) / args["model_version"] / filename
        graph = path.read_bytes()
        _check_digest(config, args["model_version"], path, graph)
        options = _session_options(config)
        if _parameters(config).get("native_convolutions") == "1":
            graph = _accelerated(graph, options)
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._check_names()

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request, together if the model batches, and never fail for another's sake."""
        if not self._batches or len(requests) == 1:
            return [self._answer(request) for request in requests]
        try:
            arrays = [self._read(request) for request in requests]
            results = self._run_together(arrays)
            return [_respond(*pair) for pair in zip(requests, results, strict=True)]
        except Exception as error:  # which request is at fault shows when each runs alone
            pb_utils.Logger.log_warn(f"a batch of {len(requests)} failed, retrying singly: {error}")
            return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        """Run one request alone; an error becomes its response."""
        try:
            return _respond(request, self._run(self._read(request)))
        except Exception as error:  # a stub that raises fails the whole batch
            fault = pb_utils.TritonError(f"onnxruntime: {error}", pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse([], fault)

    def _read(self, request: Any) -> Arrays:
        tensors = {name: pb_utils.get_input_tensor_by_name(request, name) for name in self._inputs}
        # Absent inputs are those that the config calls optional: the graph has their default.
        return {name: tensor.as_numpy() for name, tensor in tensors.items() if tensor is not None}

    def _run_together(self, requests: Sequence[Arrays]) -> list[Arrays]:
        """Run requests as one batch, concatenated along the first dimension."""
        if any(request.keys() != requests[0].keys() for request in requests):
            raise ValueError("optional inputs differ between requests")
        joined = {name: np.concatenate([r[name] for r in requests]) for name in requests[0]}
        ends = np.cumsum([len(next(iter(r.values()))) for r in requests])[:-1]
        parts = {name: np.split(array, ends) for name, array in self._run(joined).items()}
        return [{name: parts[name][i] for name in parts} for i in range(len(requests))]

    def _run(self, inputs: Arrays) -> Arrays:
        """Run a batch, a few images at a time."""
        step = self._images_at_a_time
        size = len(next(iter(inputs.values())))
        runs = [
            self._session.run(self._outputs, {n: a[i : i + step] for n, a in inputs.items()})
            for i in range(0, size, step)
        ]
        joined = runs[0] if len(runs) == 1 else map(np.concatenate, zip(*runs, strict=True))
        return dict(zip(self._outputs, joined, strict=True))

    def _check_names(self) -> None:
        """Refuse at load what would otherwise fail at every request."""
        missing = {*self._inputs} - {tensor.name for tensor in self._session.get_inputs()}
        missing |= {*self._outputs} - {tensor.name for tensor in self._session.get_outputs()}
        if missing:
            raise ValueError(f"config.pbtxt names tensors that the graph lacks: {sorted(missing)}")


def _check_digest(config: dict[str, Any], version: str, path: Path, graph: bytes) -> None:
    """Refuse a file that is not the one which the model's card, if it has one, was written for."""
    card = _parameters(config).get(f"model_card_{version}")
    if card is None:
        return
    expected = json.loads(card)["files"][path.name]["sha256"]
    if hashlib.sha256(graph).hexdigest() != expected:
        raise ValueError(f"{path}: its sha256 is not the one in its card; publish the model again")


def _images_at_a_time(config: dict[str, Any]) -> int:
    """How much of a batch the graph gets in one run."""
    if not config["max_batch_size"]:
        return sys.maxsize
    any_size = any(int(size) < 0 for tensor in config["input"] for size in tensor["dims"])
    return 1 if any_size else _IMAGES_AT_A_TIME


def _parameters(config: dict[str, Any]) -> dict[str, str]:
    return {name: value["string_value"] for name, value in config.get("parameters", {}).items()}


def _accelerated(graph: bytes, options: ort.SessionOptions) -> bytes:
    from animegan_kernels.convolution.session import (
        accelerated,  # 12 MB that other models' stubs do without
    )

    return accelerated(graph, options)


def _session_options(config: dict[str, Any]) -> ort.SessionOptions:
    parameters = _parameters(config)
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", "1"))
    # onnxruntime's arena keeps the memory of its largest run. For small activations malloc is as
    # fast and gives it back; large ones it fetches from the kernel, zeroed, at every run.
    options.enable_cpu_mem_arena = parameters.get("enable_mem_arena") == "1"
    options.enable_mem_pattern = False
    # Spinning threads of one instance would take the cores that the others need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _respond(request: Any, outputs: Arrays) -> Any:
    """Return the outputs that were asked for; the stub needs contiguous memory."""
    wanted = set(request.requested_output_names())
    return pb_utils.InferenceResponse(
        [
            pb_utils.Tensor(name, np.ascontiguousarray(array))
            for name, array in outputs.items()
            if name in wanted
        ]
    )
