"""Health as grpc.health.v1 tells it: ready while a canary inference succeeded lately.

Three names may be asked for: "" and the service's full name are readiness; "liveness" is SERVING
as long as the process answers, whatever Triton does, so that no pod is restarted for Triton's sake.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from time import monotonic

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from services.common import deadline
from services.common.errors import ServiceError
from services.common.metrics import Metrics

LIVENESS = "liveness"

# Until its first success, the probe runs again after this part of the time that has passed.
_SOON, _SOON_S = 0.1, 0.05

log = structlog.get_logger()


class Health:
    """Answers health checks; `watch` keeps the answer up to date."""

    def __init__(self, service_name: str, metrics: Metrics) -> None:
        """Start as NOT_SERVING. `service_name` is the full name, "animegan.generator.v1..."."""
        self._names = ("", service_name)
        self._metrics = metrics
        self._servicer = health_aio.HealthServicer()
        self._draining = False
        self._ready: bool | None = None

    async def attach(self, server: grpc.aio.Server) -> None:
        """Add the health service to `server`."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        await self._servicer.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        await self._set(False)

    async def watch(
        self, probe: Callable[[], Awaitable[None]], *, interval_s: float, patience_s: float
    ) -> None:
        """Run `probe` every `interval_s` seconds, forever; more often until the first success.

        Ready as soon as a probe succeeds; no longer ready once none has for `patience_s` seconds.
        A probe that takes longer than `patience_s` has failed.
        """
        started, last_success, complaint = monotonic(), -math.inf, ""
        while True:
            try:
                async with deadline.within(patience_s):
                    await probe()
                last_success, complaint = monotonic(), ""
                self._metrics.canaries.labels(outcome="success").inc()
            except ServiceError as error:
                self._metrics.canaries.labels(outcome="failure").inc()
                if str(error) != complaint:
                    log.warning("canary failed", reason=str(error))
                complaint = str(error)
            now = monotonic()
            await self._set(now - last_success < patience_s)
            waits = interval_s
            if last_success == -math.inf:  # Triton may be starting, too: lose little time
                waits = min(interval_s, max(_SOON_S, _SOON * (now - started)))
            await asyncio.sleep(waits)

    async def drain(self) -> None:
        """Answer NOT_SERVING from now on."""
        self._draining = True
        await self._set(False)

    async def _set(self, ready: bool) -> None:
        ready = ready and not self._draining
        if ready == self._ready:
            return
        self._ready = ready
        log.info("ready" if ready else "not ready")
        self._metrics.ready.set(ready)
        status = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._servicer.set(name, status.SERVING if ready else status.NOT_SERVING)
