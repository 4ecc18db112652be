"""What we ask of a Triton as its administrators: load, unload, look, try. No service does this."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

import numpy as np
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

# The environment variable with the key of the model-repository protocol.
ADMIN_KEY_VARIABLE = "ANIMEGAN_TRITON_ADMIN_KEY"

# A dimension that the config leaves open gets this size in a canary: small, yet larger than the
# receptive borders of the enlarging networks.
_OPEN_DIMENSION = 32

# A canary that takes longer is given up.
_CANARY_SECONDS = 60.0


class Health(Enum):
    """What a canary inference tells about a model."""

    HEALTHY = "healthy"
    SLOW = "slow"  # no answer within the deadline
    BUSY = "busy"  # the queue is full, the model is not loaded, or Triton is away
    ERROR = "error"  # the model refuses zeros: it answers, so it lives


@dataclass(frozen=True)
class ModelState:
    """One version of one model, as Triton's repository index shows it."""

    name: str
    version: str  # "" when no version could be loaded
    ready: bool
    reason: str  # why it is not ready


class AdminError(Exception):
    """Triton refused, or cannot be reached."""


class TritonAdmin:
    """Model control and canaries over gRPC. Every call has a deadline in seconds."""

    def __init__(self, grpc_url: str, admin_key: str) -> None:
        """`grpc_url` is host:port; the key opens the restricted model-repository protocol."""
        self._client = triton.InferenceServerClient(grpc_url)
        self._headers = {"triton-grpc-protocol-admin-key": admin_key}
        self._unanswered: dict[tuple[str, int | None], Future[triton.InferResult]] = {}  # canaries

    def live(self, deadline: float = 2.0) -> bool:
        """Tell whether Triton answers at all."""
        try:
            return bool(self._client.is_server_live(client_timeout=deadline))
        except InferenceServerException:
            return False

    def index(self, deadline: float = 5.0) -> list[ModelState]:
        """Return all models of the repository, loaded or not.

        Raises:
            AdminError: Triton refused or is away.
        """
        try:
            reply = self._client.get_model_repository_index(
                headers=self._headers, client_timeout=deadline
            )
        except InferenceServerException as exc:
            raise AdminError(str(exc)) from exc
        return [ModelState(m.name, m.version, m.state == "READY", m.reason) for m in reply.models]

    def load(self, name: str, deadline: float = 60.0) -> None:
        """Load a model, or its new versions.

        Raises:
            AdminError: it cannot be loaded; versions that were being served still are.
        """
        try:
            self._client.load_model(name, headers=self._headers, client_timeout=deadline)
        except InferenceServerException as exc:
            raise AdminError(str(exc)) from exc

    def unload(self, name: str, deadline: float = 60.0) -> None:
        """Take a model out of service; returns before its requests in flight have ended.

        Raises:
            AdminError: Triton refused or is away.
        """
        self._unanswered = {key: c for key, c in self._unanswered.items() if key[0] != name}
        try:
            self._client.unload_model(name, headers=self._headers, client_timeout=deadline)
        except InferenceServerException as exc:
            raise AdminError(str(exc)) from exc

    def config(self, name: str, deadline: float = 5.0) -> dict[str, Any]:
        """Return a loaded model's config.

        Raises:
            AdminError: it is not loaded, or Triton is away.
        """
        try:
            reply = self._client.get_model_config(name, as_json=True, client_timeout=deadline)
        except InferenceServerException as exc:
            raise AdminError(str(exc)) from exc
        config: dict[str, Any] = reply["config"]
        return config

    def executions(self, name: str, deadline: float = 5.0) -> int:
        """Return how many batches a model has executed since it was loaded.

        Raises:
            AdminError: it is not loaded, or Triton is away.
        """
        try:
            reply = self._client.get_inference_statistics(name, client_timeout=deadline)
        except InferenceServerException as exc:
            raise AdminError(str(exc)) from exc
        return sum(int(version.execution_count) for version in reply.model_stats)

    def canary(
        self, name: str, config: Mapping[str, Any], deadline: float, version: int | None = None
    ) -> tuple[Health, str]:
        """Run the model once on zeros; return its health and, if it is not healthy, the message.

        A canary that is not answered in time is not cancelled, because Triton can crash on that
        (docs/decisions/0012): the next one waits for the same answer.

        Args:
            name: the model.
            config: as `config` returns it.
            deadline: in seconds.
            version: None: the newest that is ready.
        """
        key = name, version
        answer = self._unanswered.pop(key, None) or self._send_canary(name, config, version)
        try:
            answer.result(timeout=deadline)
        except TimeoutError:
            self._unanswered[key] = answer
            return Health.SLOW, f"no answer within {deadline:g} s"
        except InferenceServerException as exc:
            return _health(exc), exc.message()
        return Health.HEALTHY, ""

    def infer(
        self,
        name: str,
        version: int,
        inputs: Mapping[str, NDArray[np.float32]],
        output: str,
        deadline: float = 30.0,
    ) -> NDArray[Any]:
        """Run a version of a model once, and return an output, [B, ...].

        Args:
            name: the model.
            version: its number.
            inputs: FP32 [B, ...], by the names of its tensors.
            output: name of the tensor that is wanted.
            deadline: in seconds; as a canary's, an inference that is late is not cancelled.

        Raises:
            AdminError: it is not loaded, fails or is late, or Triton is away.
        """
        tensors = []
        for tensor, rows in inputs.items():
            tensors.append(triton.InferInput(tensor, rows.shape, "FP32"))
            tensors[-1].set_data_from_numpy(rows)
        try:
            found = self._send(name, tensors, output, version).result(timeout=deadline)
        except (InferenceServerException, TimeoutError) as exc:
            raise AdminError(str(exc) or f"no answer within {deadline:g} s") from exc
        answer: NDArray[Any] = found.as_numpy(output)
        return answer

    def _send_canary(
        self, name: str, config: Mapping[str, Any], version: int | None
    ) -> Future[triton.InferResult]:
        zeros = [_zeros(tensor, batched="max_batch_size" in config) for tensor in config["input"]]
        return self._send(name, zeros, config["output"][0]["name"], version)

    def _send(
        self, name: str, inputs: Sequence[triton.InferInput], output: str, version: int | None
    ) -> Future[triton.InferResult]:
        answer: Future[triton.InferResult] = Future()

        def settle(result: triton.InferResult, error: Exception | None) -> None:
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        self._client.async_infer(
            name,
            inputs,
            settle,
            model_version="" if version is None else str(version),
            outputs=[triton.InferRequestedOutput(output)],
            client_timeout=_CANARY_SECONDS,
        )
        return answer

    def __enter__(self) -> Self:
        """Return the client, which the block closes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._client.close()


def _zeros(tensor: Mapping[str, Any], *, batched: bool) -> Any:
    """Return an input of zeros, or of empty strings; JSON has int64 dimensions as strings."""
    dims = [_OPEN_DIMENSION if int(d) < 0 else int(d) for d in tensor["dims"]]
    shape = [1, *dims] if batched else dims
    datatype = tensor["data_type"].removeprefix("TYPE_").replace("STRING", "BYTES")
    empty = b"" if datatype == "BYTES" else 0
    zeros = triton.InferInput(tensor["name"], shape, datatype)
    zeros.set_data_from_numpy(np.full(shape, empty, triton_to_np_dtype(datatype)))
    return zeros


def _health(exc: InferenceServerException) -> Health:
    """Read tritonclient's error: its status is a string."""
    by_status = {
        "StatusCode.DEADLINE_EXCEEDED": Health.SLOW,
        "StatusCode.UNAVAILABLE": Health.BUSY,
        "StatusCode.NOT_FOUND": Health.BUSY,
    }
    return by_status.get(exc.status(), Health.ERROR)
