"""A bounded amount of work in flight; over it, callers are refused at once instead of queueing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from prometheus_client import Gauge

from services.common.errors import Busy
from services.common.metrics import Metrics


class Admission:
    """Counts what is in flight in this process."""

    def __init__(
        self,
        limit: int,
        *,
        retry_after_s: float,
        metrics: Metrics,
        unit: str = "images",
        gauge: Gauge | None = None,
    ) -> None:
        """Admit up to `limit` at a time.

        Args:
            limit: how much may be in flight.
            retry_after_s: when those that are refused should come back, in seconds.
            metrics: counts refusals.
            unit: what is counted, for messages.
            gauge: shows what is in flight; None: that of `metrics`.
        """
        self._limit = limit
        self._retry_after_s = retry_after_s
        self._metrics = metrics
        self._unit = unit
        self._gauge = gauge or metrics.in_flight
        self._in_flight = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Keep room for `amount` while the block runs.

        Raises:
            Busy: it does not fit beside what is in flight, or others wait for room already.
        """
        if self._waiting or self._in_flight + amount > self._limit:
            self._metrics.rejected.labels(reason="busy").inc()
            raise Busy(
                f"{self._in_flight} of at most {self._limit} {self._unit} are in flight, "
                f"{amount} more do not fit; retry after {self._retry_after_s:g} s",
                retry_after_s=self._retry_after_s,
            )
        self._add(amount)
        try:
            yield
        finally:
            self._add(-amount)
            self._let_in()

    @asynccontextmanager
    async def wait(self, amount: int) -> AsyncIterator[None]:
        """Wait for room for `amount`, at most the limit, and keep it while the block runs.

        For parts of a call that was let in: its caller is slowed down instead of being refused.
        First come, first served, so that much room is had as surely as little.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        self._let_in()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():
                self._add(-amount)
            self._let_in()

    def _let_in(self) -> None:
        """Give those who wait their turn, in order, as long as they fit."""
        while self._waiting:
            amount, turn = self._waiting[0]
            if not turn.cancelled():
                if self._in_flight + amount > self._limit:
                    return
                turn.set_result(None)
                self._add(amount)
            self._waiting.popleft()

    def _add(self, amount: int) -> None:
        self._in_flight += amount
        self._gauge.set(self._in_flight)
