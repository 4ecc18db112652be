"""The life of a service's process: listen, watch, and on SIGTERM drain without losing a call."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

import grpc
import structlog
import uvloop
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from prometheus_client import CollectorRegistry

from services.common.rpc import logs
from services.common.rpc.admission import Admission
from services.common.rpc.health import Health
from services.common.rpc.interceptor import AroundCalls
from services.common.rpc.lasting_calls import LastingCalls, Reflection
from services.common.rpc.metrics import Metrics, MetricsEndpoint, process_registry
from services.common.rpc.settings import ServiceSettings

_NO_LIMIT = -1
# Of one connection. More calls than that wait at their caller's end.
_MAX_CALLS_OF_A_CONNECTION = 100
_UNREAD_BYTES = 2**17
# gRPC numbers them: identity, deflate, gzip.
_IDENTITY_AND_GZIP = 1 << 0 | 1 << 2

log = structlog.get_logger()

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
MetricsT = TypeVar("MetricsT", bound=Metrics)


@dataclass(frozen=True)
class Service:
    """What differs between services.

    Attributes:
        full_name: of the gRPC service, for health and reflection.
        add_to: adds the service's handler to a server.
        probe: succeeds when the service can do its work; see `Health.watch`.
    """

    full_name: str
    add_to: Callable[[grpc.aio.Server], None]
    probe: Callable[[], Awaitable[None]]


def run(
    name: str,
    settings_class: type[SettingsT],
    metrics_class: Callable[[CollectorRegistry], MetricsT],
    connected: Callable[[SettingsT, MetricsT, Admission], AbstractAsyncContextManager[Service]],
) -> None:
    """Be the process of `services.<name>`: read the settings, show them, connect, serve.

    Args:
        name: of the service, in its command and its logs.
        settings_class: where to listen and how to behave.
        metrics_class: what is shown at the metrics port.
        connected: connects what the service consists of, for as long as a block lasts. The
            admission is that of images in flight.
    """
    settings = settings_class.from_command_line(f"python -m services.{name}")
    logs.configure(name, settings.log_level, secret=settings.auth_token)
    log.info("settings", **settings.model_dump(mode="json"))

    async def until_a_signal_comes() -> None:
        metrics = metrics_class(process_registry())
        images = Admission(
            settings.max_images_in_flight,
            retry_after_s=settings.retry_after_s,
            metrics=metrics,
            reserved=settings.images_for_unary_calls,
        )
        async with connected(settings, metrics, images) as service:
            await _serve(settings, metrics, service)

    uvloop.run(until_a_signal_comes())


async def _serve(settings: ServiceSettings, metrics: Metrics, service: Service) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    around_calls = AroundCalls(metrics, settings)
    server = grpc.aio.server(interceptors=[around_calls], options=_options(settings))
    lasting = LastingCalls()
    health = Health(service.full_name, metrics, lasting)
    service.add_to(server)
    known = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    metrics.expect(known.FindServiceByName(service.full_name).methods)
    health.attach(server)
    names = (service.full_name, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
        Reflection((*names, reflection.SERVICE_NAME), lasting), server
    )

    try:
        port = server.add_insecure_port(f"{settings.host}:{settings.port}")
        endpoint = MetricsEndpoint(metrics.registry, settings.host, settings.metrics_port)
    except (RuntimeError, OSError) as error:  # gRPC's and the metrics endpoint's
        log.error("cannot listen; is another service using the port?", reason=str(error))
        sys.exit(1)
    # What was built until now lives as long as the process: collections need not look at it again.
    gc.freeze()
    await server.start()
    log.info("serving", host=settings.host, port=port, metrics_port=endpoint.port)
    watch = health.watch(
        service.probe,
        interval_s=settings.canary_interval_s,
        patience_s=settings.canary_patience_s,
    )
    try:
        await _until_set(stop, meanwhile=(watch, around_calls.sweep()))
    finally:
        await _drain(server, health, lasting, around_calls, settings)
        endpoint.close()


async def _until_set(stop: asyncio.Event, *, meanwhile: Sequence[Awaitable[None]]) -> None:
    """Wait for `stop` while `meanwhile` runs; if some of that fails, so does this."""
    stopped = asyncio.create_task(stop.wait())
    background = map(asyncio.ensure_future, meanwhile)
    done, pending = await asyncio.wait({stopped, *background}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _drain(
    server: grpc.aio.Server,
    health: Health,
    lasting: LastingCalls,
    around_calls: AroundCalls,
    settings: ServiceSettings,
) -> None:
    """NOT_SERVING; wait until balancers have seen it; accept nothing new; finish the rest."""
    log.info("draining", wait_s=settings.drain_wait_s, grace_s=settings.drain_grace_s)
    health.drain()
    await asyncio.sleep(settings.drain_wait_s)
    # Watchers know by now, and they would stay for the whole grace period.
    lasting.end()
    sweeping = asyncio.create_task(around_calls.sweep_for_the_end())
    await server.stop(settings.drain_grace_s)
    sweeping.cancel()
    log.info("stopped")


def _options(settings: ServiceSettings) -> list[tuple[str, int]]:
    age_ms = round(settings.max_connection_age_s * 1000)
    return [
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        # What a caller may send before it is asked for. Left to itself gRPC makes that megabytes.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _UNREAD_BYTES),
        # We unpack messages ourselves, up to the same limit; see `interceptor.py`.
        ("grpc.per_message_decompression", 0),
        ("grpc.compression_enabled_algorithms_bitset", _IDENTITY_AND_GZIP),
        ("grpc.max_concurrent_streams", _MAX_CALLS_OF_A_CONNECTION),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        # One without calls makes room for others; its client connects anew with the next call.
        ("grpc.max_connection_idle_ms", age_ms),
        # Answers are bounded by the images that one call may ask for.
        ("grpc.max_send_message_length", _NO_LIMIT),
        # Two processes on one port would share its calls by chance: fail at the second start.
        ("grpc.so_reuseport", 0),
        # Calls in flight finish; what then is left has a caller who does not read.
        ("grpc.max_connection_age_ms", age_ms),
        ("grpc.max_connection_age_grace_ms", round(settings.max_deadline_s * 1000)),
        # Finds callers that vanished without a word, and lets callers look for us.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
