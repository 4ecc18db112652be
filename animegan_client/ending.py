"""How a stream of grpc.aio ended, as the service says it.

A service that ends a stream which is still being sent to sends its status and lets the rest of the
requests fall. grpc.aio then puts INTERNAL "Internal error from Core", for the write that failed, in
the place of the status that it has already received: github.com/grpc/grpc/issues/36066, open in
grpcio 1.81. A caller without a token would be told of a fault of the service.
"""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc

Value = TypeVar("Value")


@contextmanager
def first_status(call: grpc.aio.Call) -> Iterator[None]:
    """Let an error of `call` in this block tell the status that came first: the service's."""
    endings: list[grpc.aio.AioRpcError] = []
    call.add_done_callback(lambda _: endings.append(_ending(call)))  # for each status that is set
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise (endings[0] if endings else error) from None


def _ending(call: grpc.aio.Call) -> grpc.aio.AioRpcError:
    """The error that the status of an ended call means."""
    return grpc.aio.AioRpcError(
        _now(call.code()), grpc.aio.Metadata(), _now(call.trailing_metadata()), _now(call.details())
    )


def _now(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """The result of a coroutine that has nothing to wait for.

    Raises:
        RuntimeError: it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("the call has not ended")
