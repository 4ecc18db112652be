"""Requests at a rate of one's own, whatever the answers do."""

import asyncio
import itertools
import random
from types import TracebackType
from typing import Self

import numpy as np

from benchmarks.autoscaling.pods import MODEL, Pods
from services.common.rpc import deadline
from services.common.rpc.errors import ServiceError
from services.common.triton.client import Triton

_DEADLINE_SECONDS = 30.0
_INPUT = {"x": np.zeros(1, np.float32)}


class Load:
    """Sends `rate` requests a second, at random moments, to ready pods in turn."""

    def __init__(self, pods: Pods) -> None:
        """Send nothing yet."""
        self._pods = pods
        self._turn = itertools.count()
        self._open: set[asyncio.Task[None]] = set()
        self._sending: asyncio.Task[None] | None = None
        self._sent = self._failed = 0
        self.rate = 0.0

    async def __aenter__(self) -> Self:
        """Begin to send."""
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Send no more, and wait for all answers."""
        if self._sending:
            self._sending.cancel()
        await asyncio.gather(*self._open)

    def counted(self) -> dict[str, int]:
        """Requests so far."""
        return {"sent": self._sent, "failed": self._failed, "open": len(self._open)}

    async def _send(self) -> None:
        """Wait between requests as arrivals of independent callers do, and send one."""
        due = asyncio.get_running_loop().time()
        chance = random.Random(0)  # no secret
        while True:
            due += chance.expovariate(self.rate) if self.rate else 0.1
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if self.rate:
                ready = self._pods.ready
                task = asyncio.create_task(self._ask(ready[next(self._turn) % len(ready)]))
                self._open.add(task)
                task.add_done_callback(self._open.discard)

    async def _ask(self, triton: Triton) -> None:
        self._sent += 1
        try:
            async with deadline.within(_DEADLINE_SECONDS):
                await triton.infer_all(MODEL, None, _INPUT, ("y",))
        except ServiceError:
            self._failed += 1
