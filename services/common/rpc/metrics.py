"""Prometheus metrics of a service, in a registry of its own, and the endpoint that shows them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter

from google.protobuf.descriptor import MethodDescriptor
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

# A request of one image takes milliseconds, one of 256 seconds, a stream minutes. The objectives of
# deploy/k8s/monitoring/objectives.py are bounds of these buckets.
REQUEST_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
STAGE_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

# The codes by which a caller can tell that we failed; the others are the caller's own doing.
# Objectives of availability count them.
FAILURE_CODES = (
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "UNKNOWN",
)
REJECTION_REASONS = ("busy", "size", "unauthenticated")


class Metrics:
    """The metrics that all services have: `animegan_<service>_...`."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        """Register the metrics of `service` in `registry`."""
        prefix = f"animegan_{service}"
        self.registry = registry
        self.requests = Counter(
            f"{prefix}_requests", "Calls that ended.", ["method", "code"], registry=registry
        )
        self.request_seconds = Histogram(
            f"{prefix}_request_seconds",
            "Time from a call's arrival to its end.",
            ["method"],
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.first_answer_seconds = Histogram(
            f"{prefix}_first_answer_seconds",
            "Time from a stream's first request to its first answer.",
            ["method"],
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            f"{prefix}_stage_seconds",
            "Time of one stage for one sub-batch of images.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self.in_flight = Gauge(
            f"{prefix}_in_flight",
            "Images that are being worked on, or wait to be taken.",
            registry=registry,
        )
        self.open_calls = Gauge(
            f"{prefix}_open_calls", "Calls whose callers are known and wait.", registry=registry
        )
        self.message_bytes = Gauge(
            f"{prefix}_message_bytes",
            "Bytes of requests that are received or worked on, or for which there is room.",
            registry=registry,
        )
        self.answer_bytes = Gauge(
            f"{prefix}_answer_bytes",
            "Bytes of large answers to unary calls that their callers have not taken yet.",
            registry=registry,
        )
        self.rejected = Counter(
            f"{prefix}_rejected",
            "Calls refused before any work was done.",
            ["reason"],
            registry=registry,
        )
        self.images = Counter(
            f"{prefix}_images",
            "Images made, by model, or looked for, by index.",
            ["model"],
            registry=registry,
        )
        self.ready = Gauge(
            f"{prefix}_ready",
            "1 while health checks answer SERVING, 0 while NOT_SERVING.",
            registry=registry,
        )
        self.canaries = Counter(
            f"{prefix}_canaries",
            "Canary inferences that ended, by outcome.",
            ["outcome"],
            registry=registry,
        )
        # Looking up a labelled series takes longer than counting in it.
        self._calls = cache(lambda method, code: self.requests.labels(method=method, code=code))
        self._call_seconds = cache(lambda method: self.request_seconds.labels(method=method))
        self._stage_seconds = cache(lambda stage: self.stage_seconds.labels(stage=stage))
        for outcome in ("success", "failure"):
            self.canaries.labels(outcome=outcome)
        for reason in REJECTION_REASONS:
            self.rejected.labels(reason=reason)

    def expect(self, methods: Iterable[MethodDescriptor]) -> None:
        """Show calls of `methods` from the start, as zeros.

        A counter whose first sample is 1 has not risen as far as Prometheus can see: without zeros
        the first failure of a method would go unnoticed.
        """
        for method in methods:
            self.request_seconds.labels(method=method.name)
            if method.server_streaming:
                self.first_answer_seconds.labels(method=method.name)
            for code in ("OK", *FAILURE_CODES):
                self.requests.labels(method=method.name, code=code)

    @contextmanager
    def stage(self, stage: str) -> Iterator[None]:
        """Time the block as one run of `stage`, if it succeeds."""
        started = perf_counter()
        yield
        self._stage_seconds(stage).observe(perf_counter() - started)

    def ended(self, method: str, code: str, seconds: float) -> None:
        """Count a call that ended with `code` after `seconds` seconds."""
        self._calls(method, code).inc()
        self._call_seconds(method).observe(seconds)


class FirstAnswer:
    """Times a streaming call from its first request to its first answer.

    A whole stream lasts as long as its caller likes; how long the first answer takes is up to us.
    """

    def __init__(self, method: str, metrics: Metrics) -> None:
        """Nothing is asked yet."""
        self._method = method
        self._metrics = metrics
        self._asked: float | None = None
        self._answered = False

    def asked(self) -> None:
        """Take note of a request; the first one starts the clock."""
        if self._asked is None:
            self._asked = perf_counter()

    def answered(self) -> None:
        """Take note of an answer of a stream; the first one stops the clock."""
        if self._asked is not None and not self._answered:
            seconds = perf_counter() - self._asked
            self._metrics.first_answer_seconds.labels(method=self._method).observe(seconds)
        self._answered = True


def process_registry() -> CollectorRegistry:
    """A registry with this process's memory, CPU, file descriptors and garbage collection."""
    # Without it every counter has a second time series that nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class MetricsEndpoint:
    """`http://host:port/metrics` for Prometheus, from a thread of its own."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        """Listen on `host`:`port`; port 0 takes a free one."""
        self._server, self._thread = start_http_server(port, host, registry)
        self.port = self._server.server_port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
