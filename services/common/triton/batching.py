"""Joins the work of different calls into one request to Triton.

A request costs the service and Triton about a millisecond, whatever it carries: sixteen callers
who want one picture each are served with one or two requests instead of sixteen. Nobody waits for
company, though. Up to `concurrency` requests leave at once; only what comes while they are under
way queues here, in order, and leaves together when one of them returns.

What calls that end have queued is never sent to Triton. A request that is under way is left alone,
and counts until Triton has answered it, even if nobody waits for it any more; or until Triton turns
out to be silent, so that a stopped one does not keep the others idle.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.common.triton.client import Triton

Tensor: TypeAlias = NDArray[Any]
# Model, version, output, and the shapes of the rows: what has to be equal to go together.
_Target: TypeAlias = tuple[str, int, str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class _Part:
    """The rows of one caller."""

    target: _Target
    inputs: Mapping[str, Tensor]
    rows: int
    max_rows: int  # of the request that it goes with
    result: asyncio.Future[Tensor] = field(default_factory=asyncio.Future)


class Batcher:
    """A Triton that is asked for batches of rows by many callers."""

    def __init__(self, triton: Triton, *, max_rows: int, concurrency: int) -> None:
        """Send at most `concurrency` requests at a time, of at most `max_rows` rows each."""
        self._triton = triton
        self._max_rows = max_rows
        self._concurrency = concurrency
        self._waiting: deque[_Part] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def infer(
        self,
        model: str,
        version: int,
        inputs: Mapping[str, Tensor],
        output: str,
        *,
        max_rows: int | None = None,
    ) -> Tensor:
        """As `Triton.infer`, for at most `max_rows` rows: of this batcher, or lowered for these."""
        rows = len(next(iter(inputs.values())))
        shapes = tuple(tensor.shape[1:] for tensor in inputs.values())
        target = (model, version, output, shapes)
        limit = min(max_rows or self._max_rows, self._max_rows)
        part = _Part(target, inputs, rows, limit)
        self._waiting.append(part)
        self._send()
        return await part.result

    def _send(self) -> None:
        """Send what may be sent."""
        while len(self._running) < self._concurrency and (parts := self._take()):
            task = asyncio.create_task(self._run(parts))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _take(self) -> Sequence[_Part]:
        """Remove the next parts that go together from the queue: the first and those that fit."""
        parts: list[_Part] = []
        rest: deque[_Part] = deque()
        rows = 0
        for part in self._waiting:
            if part.result.done():
                continue  # its caller has gone
            if not parts or (
                part.target == parts[0].target and rows + part.rows <= parts[0].max_rows
            ):
                parts.append(part)
                rows += part.rows
            else:
                rest.append(part)
        self._waiting = rest
        return parts

    async def _run(self, parts: Sequence[_Part]) -> None:
        model, version, output, _ = parts[0].target
        try:
            tensor = await self._triton.infer(model, version, _joined(parts), output)
        except Exception as error:
            for part in parts:
                if not part.result.done():
                    part.result.set_exception(error if len(parts) == 1 else _own(error))
            return
        bounds = accumulate((part.rows for part in parts), initial=0)
        for part, (start, end) in zip(parts, pairwise(bounds), strict=True):
            if not part.result.done():
                part.result.set_result(tensor[start:end])

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._send()


def _own(error: Exception) -> Exception:
    """Another error like this one, with it as the cause: for one of several callers.

    What a caller does with an error stays with it: the frames that it goes through, and the end of
    their variables in `forgotten_frames`.
    """
    own = type(error).__new__(type(error), *error.args)
    own.__dict__.update(error.__dict__)
    own.__cause__ = error
    return own


def _joined(parts: Sequence[_Part]) -> Mapping[str, Tensor]:
    if len(parts) == 1:
        return parts[0].inputs
    return {name: np.concatenate([part.inputs[name] for part in parts]) for name in parts[0].inputs}
