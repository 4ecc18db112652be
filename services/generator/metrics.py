"""The metrics of the generator service: those of all services, and how each version does."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.common.errors import DeadlineExceeded, ServiceError
from services.common.metrics import STAGE_BUCKETS_S, Metrics


class GeneratorMetrics(Metrics):
    """`animegan_generator_...`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics in `registry`."""
        super().__init__("generator", registry)
        labels = ["model", "version"]
        self._seconds = Histogram(
            "animegan_generator_version_seconds",
            "Time of one inference of a sub-batch, by model version.",
            labels,
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self._failures = Counter(
            "animegan_generator_version_failures",
            "Inferences of a sub-batch that failed, by model version.",
            labels,
            registry=registry,
        )

    @contextmanager
    def version(self, model: str, version: int) -> Iterator[None]:
        """Time the block as one inference of this version, or count its failure.

        A call that was cancelled or ran out of time counts as neither.
        """
        labels = {"model": model, "version": str(version)}
        failures = self._failures.labels(**labels)  # shown as zero from the first inference on
        started = perf_counter()
        try:
            yield
        except DeadlineExceeded:
            raise
        except ServiceError:
            failures.inc()
            raise
        self._seconds.labels(**labels).observe(perf_counter() - started)
