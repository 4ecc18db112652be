"""Calls that last as long as their caller likes: health watches and reflection streams.

They need no credentials and do no work, so they must cost little, and they must not keep a process
from its end: gRPC waits for every open call.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from services.common.rpc.interceptor import Context

# A channel watches one name, at most three; grpcurl reflects on one stream. A watch holds
# 27 kB, its connection's share included: all of them together stay below 32 MB.
_PER_CONNECTION, _IN_ALL = 16, 1024

_STOPPING = (grpc.StatusCode.UNAVAILABLE, "the service stops; connect to another replica")

Request = reflection_pb2.ServerReflectionRequest
_T = TypeVar("_T")


class StoppingError(Exception):
    """The process ends, and the calls that last must end before it."""


class LastingCalls:
    """Counts the lasting calls, refuses too many of them, and ends them all."""

    def __init__(self) -> None:
        """Nothing lasts yet. Needs a running event loop."""
        self._of_connection: Counter[str] = Counter()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, context: Context, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as the call of `context`; it waits by `wait_for`.

        The caller gets RESOURCE_EXHAUSTED where there are too many, UNAVAILABLE after `end`.
        """
        connection = context.peer()
        refusal = self._refusal(connection)
        if refusal:
            work.close()
            await context.abort(*refusal)
        self._of_connection[connection] += 1
        try:
            await work
        except StoppingError:
            await context.abort(*_STOPPING)
        finally:
            self._of_connection[connection] -= 1
            if not self._of_connection[connection]:
                del self._of_connection[connection]

    async def wait_for(self, event: Coroutine[Any, Any, _T]) -> _T:
        """Wait for what may never come; not for a message to be written.

        gRPC 1.81 cannot abort a call whose first message was cut off: it would send the metadata
        twice, fail, and leave the call open.

        Raises:
            StoppingError: `end` was called.
        """
        waiting = asyncio.create_task(event)
        either: set[asyncio.Future[Any]] = {waiting, self._over}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise StoppingError
            return waiting.result()
        finally:
            waiting.cancel()

    def end(self) -> None:
        """End all of them where they wait, and those that come later at once."""
        if not self._over.done():
            self._over.set_result(None)

    def _refusal(self, connection: str) -> tuple[grpc.StatusCode, str] | None:
        if self._over.done():
            return _STOPPING
        if self._of_connection[connection] >= _PER_CONNECTION:
            return (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{_PER_CONNECTION} watches and reflection streams are open on this connection; "
                "end one of them",
            )
        if self._of_connection.total() >= _IN_ALL:
            return (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{_IN_ALL} watches and reflection streams are open; use Check",
            )
        return None


class Reflection(reflection.aio.ReflectionServicer):
    """gRPC's own reflection, as lasting calls."""

    def __init__(self, service_names: tuple[str, ...], lasting: LastingCalls) -> None:
        """Describe the services of these full names."""
        super().__init__(service_names)
        self._lasting = lasting

    async def ServerReflectionInfo(  # type: ignore[override]  # noqa: N802  # gRPC takes both forms
        self, request_iterator: AsyncIterator[Request], context: Context
    ) -> None:
        """Answer each request until the caller has no more."""
        await self._lasting.run(context, self._answer(request_iterator, context))

    async def _answer(self, requests: AsyncIterator[Request], context: Context) -> None:
        answers: Any = super().ServerReflectionInfo(self._come(requests), context)
        async for answer in answers:  # a generator, though its stub says coroutine
            await context.write(answer)

    async def _come(self, requests: AsyncIterator[Request]) -> AsyncIterator[Request]:
        while (request := await self._lasting.wait_for(_next(requests))) is not None:
            yield request


async def _next(requests: AsyncIterator[Request]) -> Request | None:
    return await anext(requests, None)
