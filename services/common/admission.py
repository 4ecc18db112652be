"""A bounded amount of work in flight; over it, callers are refused at once instead of queueing."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import Busy
from services.common.metrics import Metrics


class Admission:
    """Counts the images in flight in this process."""

    def __init__(self, limit: int, *, retry_after_s: float, metrics: Metrics) -> None:
        """Admit up to `limit` images at a time; ask others to come back after `retry_after_s`."""
        self._limit = limit
        self._retry_after_s = retry_after_s
        self._metrics = metrics
        self._in_flight = 0

    @contextmanager
    def hold(self, images: int) -> Iterator[None]:
        """Keep room for `images` images while the block runs.

        Raises:
            Busy: they do not fit beside the images in flight.
        """
        if self._in_flight + images > self._limit:
            self._metrics.rejected.labels(reason="busy").inc()
            raise Busy(
                f"{self._in_flight} of at most {self._limit} images are in flight, "
                f"{images} more do not fit; retry after {self._retry_after_s:g} s",
                retry_after_s=self._retry_after_s,
            )
        self._add(images)
        try:
            yield
        finally:
            self._add(-images)

    def _add(self, images: int) -> None:
        self._in_flight += images
        self._metrics.in_flight.set(self._in_flight)
