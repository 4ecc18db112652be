"""Health as grpc.health.v1 tells it: ready while a canary inference succeeded lately.

Three names may be asked for: "" and the service's full name are readiness; "liveness" is SERVING
as long as the process answers, whatever Triton does, so that no pod is restarted for Triton's sake.

A watch holds its last status and one message on its way. Nobody waits for a watcher: one that does
not read delays neither the others nor the canary.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.rpc import deadline
from services.common.rpc.errors import ServiceError
from services.common.rpc.interceptor import Context
from services.common.rpc.lasting_calls import LastingCalls
from services.common.rpc.metrics import Metrics

LIVENESS = "liveness"

# Until its first success, the probe runs again after this part of the time that has passed.
_SOON, _SOON_S = 0.1, 0.05

# A watch holds its request, and a name may be as long as a message.
_LONGEST_NAME = 256

Response = health_pb2.HealthCheckResponse

log = structlog.get_logger()


class Health:
    """Answers health checks; `watch` keeps the answer up to date."""

    def __init__(self, service_name: str, metrics: Metrics, lasting: LastingCalls) -> None:
        """Start as NOT_SERVING. `service_name` is the full name, "animegan.generator.v1..."."""
        self._names = ("", service_name)
        self._metrics = metrics
        self._servicer = _Servicer(lasting)
        self._draining = False
        self._ready: bool | None = None

    def attach(self, server: grpc.aio.Server) -> None:
        """Add the health service to `server`."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        self._servicer.set({LIVENESS: Response.SERVING})
        self._set(False)

    async def watch(
        self, probe: Callable[[], Awaitable[None]], *, interval_s: float, patience_s: float
    ) -> None:
        """Run `probe` every `interval_s` seconds, forever; more often until the first success.

        Ready as soon as a probe succeeds; no longer ready once none has for `patience_s` seconds.
        A probe that takes longer than `patience_s` has failed, and so has one that raises anything:
        a fault of ours makes this replica not ready, and the next probe may succeed.
        """
        started, last_success, complaint = monotonic(), -math.inf, ""
        while True:
            failure = await _failure(probe, patience_s)
            if failure is None:
                last_success, complaint = monotonic(), ""
                self._metrics.canaries.labels(outcome="success").inc()
            else:
                self._metrics.canaries.labels(outcome="failure").inc()
                complaint = _complain(failure, unless=complaint)
            now = monotonic()
            self._set(now - last_success < patience_s)
            waits = interval_s
            if last_success == -math.inf:  # Triton may be starting, too: lose little time
                waits = min(interval_s, max(_SOON_S, _SOON * (now - started)))
            await asyncio.sleep(waits)

    def drain(self) -> None:
        """Answer NOT_SERVING from now on."""
        self._draining = True
        self._set(False)

    def _set(self, ready: bool) -> None:
        ready = ready and not self._draining
        if ready == self._ready:
            return
        self._ready = ready
        log.info("ready" if ready else "not ready")
        self._metrics.ready.set(ready)
        status = Response.SERVING if ready else Response.NOT_SERVING
        self._servicer.set(dict.fromkeys(self._names, status))


async def _failure(probe: Callable[[], Awaitable[None]], patience_s: float) -> BaseException | None:
    """Why the probe failed; None: it did not."""
    try:
        async with deadline.within(patience_s):
            await probe()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error  # of something that the probe waited for, not of the watch
    except Exception as error:
        return error
    return None


def _complain(failure: BaseException, *, unless: str) -> str:
    """Log a failure, with the traceback of what should not happen; not the same one again."""
    complaint = f"{type(failure).__name__}: {failure}"
    if complaint != unless:
        if isinstance(failure, ServiceError):
            log.warning("canary failed", reason=str(failure))
        else:
            log.error("canary failed", reason=complaint, exc_info=failure)
    return complaint


class _Servicer(health_pb2_grpc.HealthServicer):
    """grpc.health.v1, where a watcher holds nothing that others wait for.

    That of grpcio-health-checking 1.81 writes to its watchers under a lock that `set` takes, too,
    and forgets those of a name when one of them leaves.
    """

    def __init__(self, lasting: LastingCalls) -> None:
        """Know no name yet."""
        self._lasting = lasting
        self._status: dict[str, int] = {}
        self._changed = asyncio.Event()  # a new one for each change

    def set(self, status: Mapping[str, int]) -> None:
        """Answer with `status`, by name, and tell the watchers."""
        self._status.update(status)
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Context) -> Response:  # noqa: N802
        """The status of a name."""
        if request.service not in self._status:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here")
        return Response(status=self._status[request.service])

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:  # noqa: N802
        """The status of a name, now and whenever it changes."""
        if len(request.service) > _LONGEST_NAME:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"service: {len(request.service)} characters are over the limit of {_LONGEST_NAME}",
            )
        await self._lasting.run(context, self._tell(request.service, context))

    async def _tell(self, name: str, context: Context) -> None:
        told = None
        while True:
            status = self._status.get(name, Response.SERVICE_UNKNOWN)
            if status != told:
                await context.write(Response(status=status))
                told = status  # it may have changed meanwhile
            else:
                await self._lasting.wait_for(self._changed.wait())
