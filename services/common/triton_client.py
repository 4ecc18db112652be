"""Triton, as the services see it. The only file that knows tritonclient.

Every failure leaves this file as an error of `errors.py`, `from` tritonclient's own. An inference
that has been sent is not cancelled, because Triton can crash on that (docs/decisions/0012): whoever
stops waiting for it, as `deadline.within` does, leaves it under way.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferRequestedOutput, model_config_pb2
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from services.common import deadline
from services.common.errors import (
    DeadlineExceeded,
    Internal,
    NotFound,
    ServiceError,
    Unavailable,
)

_CHANNEL_OPTIONS = [
    # Sizes are bounded by our own admission, not here.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A name with several addresses, such as that of a headless Service, is several Tritons:
    # requests go to each in turn, not all to the first.
    ("grpc.lb_policy_name", "round_robin"),
    # A Triton that comes back is used again within a second, not within two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]

# Inferences that a Triton has to do for us at a time; more wait here. Callers who go make no room,
# or whoever calls and hangs up in a loop would fill Triton's queue.
_MAX_UNDER_WAY = 64
# One that takes longer is given up: its model hangs, or Triton has gone without a word.
_INFERENCE_SECONDS = 60.0
# For inferences that are under way when the connection is closed.
_FAREWELL_SECONDS = 5.0

_AWAY = "the models cannot be reached just now; try again"


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model, without its batch dimension."""

    dtype: str  # Triton's name, such as "FP32" or "UINT8"
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelConfig:
    """What a model's config.pbtxt says."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    parameters: Mapping[str, str]
    max_batch: int = 0  # rows of a request; 0: the model's tensors have no batch dimension


class Triton:
    """A connection to one Triton address."""

    def __init__(self, url: str) -> None:
        """Use the gRPC address `url`, host:port. It is first contacted by the first request."""
        self._client = InferenceServerClient(url, channel_args=_CHANNEL_OPTIONS)
        self._room = asyncio.Semaphore(_MAX_UNDER_WAY)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        """Return the connection, which the block closes."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection, after the inferences that nobody waits for any more."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_FAREWELL_SECONDS)
        await self._client.close()

    async def infer(
        self, model: str, version: int, inputs: Mapping[str, NDArray[Any]], output: str
    ) -> NDArray[Any]:
        """Run one batch; return the tensor `output`, a read-only view of the answer.

        Raises:
            NotFound: the model or this version of it is not there (any more).
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        tensor = (await self.infer_all(model, version, inputs, (output,)))[output]
        batch = len(next(iter(inputs.values())))
        if len(tensor) != batch:
            raise Internal(
                f"{model} {version}: {output} has shape {tensor.shape} for a batch of {batch}"
            )
        return tensor

    async def infer_all(
        self,
        model: str,
        version: int | None,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Sequence[str],
    ) -> Mapping[str, NDArray[Any]]:
        """Run one request; return the tensors `outputs`, read-only views of the answer.

        A task that is cancelled while it waits for the answer leaves the request under way.

        Args:
            model: its name.
            version: of the model; None takes the latest.
            inputs: its tensors; arrays of bytes objects are BYTES.
            outputs: names of the tensors to return.

        Raises:
            NotFound: the model or this version of it is not there (any more).
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        await self._room.acquire()
        request = asyncio.create_task(
            self._client.infer(
                model,
                [_input(name, tensor) for name, tensor in inputs.items()],
                model_version="" if version is None else str(version),
                outputs=[InferRequestedOutput(output) for output in outputs],
                client_timeout=_INFERENCE_SECONDS,
            )
        )
        self._under_way.add(request)
        request.add_done_callback(self._answered)
        result = await _translated(asyncio.shield(request))
        tensors = {output: result.as_numpy(output) for output in outputs}
        missing = [output for output, tensor in tensors.items() if tensor is None]
        if missing:
            raise Internal(f"{model} {version}: no {', '.join(missing)} in the answer")
        return tensors

    def _answered(self, request: asyncio.Task[Any]) -> None:
        self._under_way.discard(request)
        self._room.release()

    async def ready_versions(self) -> Mapping[str, Sequence[int]]:
        """The ready versions of every model, oldest first.

        Taken from the statistics, because the repository index belongs to the administrative
        protocol, which Triton opens to those who may load and unload models only.
        """
        request = self._client.get_inference_statistics(client_timeout=deadline.remaining())
        versions: dict[str, list[int]] = {}
        for entry in (await _translated(request)).model_stats:
            versions.setdefault(entry.name, []).append(int(entry.version))
        return {name: sorted(found) for name, found in versions.items()}

    async def model_config(self, model: str, version: int) -> ModelConfig:
        """The configuration of a loaded model.

        Raises:
            NotFound: it is not loaded.
        """
        request = self._client.get_model_config(
            model, str(version), client_timeout=deadline.remaining()
        )
        config = (await _translated(request)).config
        return ModelConfig(
            inputs={tensor.name: _spec(tensor) for tensor in config.input},
            outputs={tensor.name: _spec(tensor) for tensor in config.output},
            parameters={name: value.string_value for name, value in config.parameters.items()},
            max_batch=config.max_batch_size,
        )


def _input(name: str, tensor: NDArray[Any]) -> InferInput:
    tensor_input = InferInput(name, tensor.shape, np_to_triton_dtype(tensor.dtype))
    return tensor_input.set_data_from_numpy(tensor)


def _spec(tensor: Any) -> TensorSpec:
    dtype = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    return TensorSpec(dtype, tuple(tensor.dims))


async def _translated(request: Awaitable[Any]) -> Any:
    try:
        return await request
    except InferenceServerException as error:
        raise _translate(error) from error


def _translate(error: InferenceServerException) -> ServiceError:
    """Our error for tritonclient's, whose status is a string such as "StatusCode.NOT_FOUND"."""
    message = error.message()
    match (error.status() or "").removeprefix("StatusCode."):
        case "UNAVAILABLE" | "CANCELLED":
            return Unavailable(_AWAY)
        case "DEADLINE_EXCEEDED":
            return DeadlineExceeded("the models did not answer in time")
        case "NOT_FOUND":
            return NotFound(message)
        case status:
            return Internal(f"Triton: {status}: {message}")
