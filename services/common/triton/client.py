"""Triton, as the services see it, by KServe's protocol over HTTP with binary tensors.

Over HTTP a request costs a service a third of the CPU time that it costs over gRPC, whose Python
client is threads that wake each other (docs/decisions/0013).

Every failure leaves this file as an error of `errors.py`. An inference that has been sent is not
cancelled, because Triton can crash on that (docs/decisions/0012): whoever stops waiting for it, as
`deadline.within` does, leaves it under way. One that falls silent over a request is not waited for:
no request changes anything, so another Triton is asked, if there is one.
"""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from services.common.rpc import deadline
from services.common.rpc.errors import DeadlineExceeded, Internal, NotFound, Unavailable
from services.common.triton.connections import Answer, Connections, SilentError

# Inferences that a Triton has to do for us at a time; more wait here. Callers who go make no room,
# or whoever calls and hangs up in a loop would fill Triton's queue.
_MAX_UNDER_WAY = 64
# One that takes longer is given up: its model hangs, or Triton has gone without a word.
_INFERENCE_SECONDS = 60.0
# For inferences that are under way when the connection is closed.
_FAREWELL_SECONDS = 5.0

_AWAY = "the models cannot be reached just now; try again"
_LATE = "the models did not answer in time"

# Triton's names of what an array may hold; BYTES, texts of any length, apart.
_DTYPES: Mapping[str, Any] = {
    "BOOL": np.bool_,
    **{f"UINT{bits}": np.dtype(f"u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"f{bits // 8}") for bits in (16, 32, 64)},
}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
_BYTES = "BYTES"
_LENGTH = struct.Struct("<I")  # comes before each text of a BYTES tensor

# Name, Triton's name of the type, shape, bytes of data.
_Described: TypeAlias = tuple[str, str, tuple[int, ...], int]


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
    """A connection to one Triton, or to all that some names stand for."""

    def __init__(self, *urls: str) -> None:
        """Use the HTTP addresses `urls`, host:port each, of Tritons that serve the same.

        They are first contacted by the first request.
        """
        self._connections = Connections(urls)
        self._host = urls[0]  # Triton does not look at what it is called
        self._room = asyncio.Semaphore(_MAX_UNDER_WAY)

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
        await self._connections.close(_FAREWELL_SECONDS)

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
        data = [_data(tensor) for tensor in inputs.values()]
        described = tuple(
            (name, _NAMES.get(tensor.dtype, _BYTES), tensor.shape, len(part))
            for (name, tensor), part in zip(inputs.items(), data, strict=True)
        )
        head = _inference_head(self._host, model, version, described, tuple(outputs))
        answer = await _good(partial(self._inferred, model, (head, *data)))
        try:
            tensors = _tensors(answer)
        except (ValueError, LookupError, TypeError) as error:
            raise Internal(f"{model} {version}: the answer cannot be read: {error!r}") from error
        missing = [output for output in outputs if output not in tensors]
        if missing:
            raise Internal(f"{model} {version}: no {', '.join(missing)} in the answer")
        return tensors

    async def ready_versions(self) -> Mapping[str, Sequence[int]]:
        """The ready versions of every model, oldest first.

        Taken from the statistics, because the repository index belongs to the administrative
        protocol, which Triton opens to those who may load and unload models only.
        """
        versions: dict[str, list[int]] = {}
        for entry in (await self._get("models/stats"))["model_stats"]:
            versions.setdefault(entry["name"], []).append(int(entry["version"]))
        return {name: sorted(found) for name, found in versions.items()}

    async def model_config(self, model: str, version: int) -> ModelConfig:
        """The configuration of a loaded model.

        Raises:
            NotFound: it is not loaded.
        """
        config = await self._get(f"models/{quote(model, safe='')}/versions/{version}/config")
        parameters = config.get("parameters", {})
        return ModelConfig(
            inputs={tensor["name"]: _spec(tensor) for tensor in config["input"]},
            outputs={tensor["name"]: _spec(tensor) for tensor in config["output"]},
            parameters={name: value["string_value"] for name, value in parameters.items()},
            max_batch=config["max_batch_size"],
        )

    async def _inferred(self, model: str, parts: Sequence[bytes]) -> Answer:
        """What comes of an inference, which is sent once there is room for it."""
        await self._room.acquire()
        try:
            answer = await self._connections.ask(
                parts, _INFERENCE_SECONDS, model, self._room.release
            )
        except BaseException:  # nothing was sent
            self._room.release()
            raise
        return await answer

    async def _get(self, path: str) -> Any:
        """A JSON document of Triton's."""
        head = f"GET /v2/{path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode()

        async def got() -> Answer:
            return await (await self._connections.ask((head,), deadline.remaining()))

        return json.loads((await _good(got)).body)


@lru_cache(1024)
def _inference_head(
    host: str,
    model: str,
    version: int | None,
    inputs: Sequence[_Described],
    outputs: Sequence[str],
) -> bytes:
    """All of a request but the data of its tensors."""
    description = json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "datatype": dtype,
                    "shape": shape,
                    "parameters": {"binary_data_size": size},
                }
                for name, dtype, shape, size in inputs
            ],
            "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in outputs],
        }
    ).encode()
    length = len(description) + sum(size for *_, size in inputs)
    versions = "" if version is None else f"/versions/{version}"
    head = (
        f"POST /v2/models/{quote(model, safe='')}{versions}/infer HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/octet-stream",
        f"Inference-Header-Content-Length: {len(description)}",
        f"Content-Length: {length}",
        "\r\n",
    )
    return "\r\n".join(head).encode() + description


def _data(tensor: NDArray[Any]) -> bytes:
    """A tensor's numbers, row by row, or its texts, each after its length."""
    if tensor.dtype in _NAMES:
        return tensor.tobytes()
    return b"".join(_LENGTH.pack(len(text)) + text for text in tensor.ravel().tolist())


def _tensors(answer: Answer) -> Mapping[str, NDArray[Any]]:
    """The tensors of an answer: their descriptions come first, in JSON, then their data."""
    start = int(answer.headers[b"inference-header-content-length"])
    tensors = {}
    for output in json.loads(answer.body[:start])["outputs"]:
        end = start + output["parameters"]["binary_data_size"]
        data = memoryview(answer.body)[start:end].toreadonly()
        tensors[output["name"]] = _array(output["datatype"], data).reshape(output["shape"])
        start = end
    return tensors


def _array(dtype: str, data: memoryview) -> NDArray[Any]:
    if dtype != _BYTES:
        return np.frombuffer(data, _DTYPES[dtype])
    texts, start = [], 0
    while start < len(data):
        begin = start + _LENGTH.size
        start = begin + int.from_bytes(data[start:begin], "little")
        texts.append(bytes(data[begin:start]))
    if start > len(data):
        raise ValueError("a text is longer than the data of its tensor")
    array = np.array(texts, np.object_)
    array.flags.writeable = False
    return array


def _spec(tensor: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(tensor["data_type"].removeprefix("TYPE_"), tuple(tensor["dims"]))


async def _good(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer to a request, if it is a good one; otherwise our error for Triton's."""
    try:
        try:
            answer = await ask()
        except SilentError:
            answer = await ask()
    except ConnectionError as error:
        raise Unavailable(_AWAY) from error
    except TimeoutError as error:
        raise DeadlineExceeded(_LATE) from error
    if answer.status == HTTPStatus.OK:
        return answer
    message = _complaint(answer.body)
    match answer.status:
        case HTTPStatus.NOT_FOUND:
            raise NotFound(message)
        case HTTPStatus.SERVICE_UNAVAILABLE | 499:  # 499: cancelled, on Triton's own side
            raise Unavailable(_AWAY)
        case status:
            raise Internal(f"Triton: {status}: {message}")


def _complaint(body: bytearray) -> str:
    """What Triton says is wrong, as it is meant to say it, or whatever else came."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, LookupError, TypeError):
        return body[:1000].decode(errors="replace")
