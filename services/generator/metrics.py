"""The metrics of the generator service: those of all services, and how each version does."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.common.rpc.errors import DeadlineExceeded, ServiceError
from services.common.rpc.metrics import STAGE_BUCKETS_S, Metrics


class GeneratorMetrics(Metrics):
    """`animegan_generator_...`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics in `registry`."""
        super().__init__("generator", registry)
        labels = ["model", "version"]
        seconds = Histogram(
            "animegan_generator_version_seconds",
            "Time of one inference of a sub-batch, by model version.",
            labels,
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        failures = Counter(
            "animegan_generator_version_failures",
            "Inferences of a sub-batch that failed, by model version.",
            labels,
            registry=registry,
        )
        # Looking them up takes longer than counting. Both are shown from the first inference on.
        self._of_version = cache(
            lambda *version: (seconds.labels(*version), failures.labels(*version))
        )

    @contextmanager
    def version(self, model: str, version: int) -> Iterator[None]:
        """Time the block as one inference of this version, or count its failure.

        A call that was cancelled or ran out of time counts as neither.
        """
        seconds, failures = self._of_version(model, version)
        started = perf_counter()
        try:
            yield
        except DeadlineExceeded:
            raise
        except ServiceError:
            failures.inc()
            raise
        seconds.observe(perf_counter() - started)
