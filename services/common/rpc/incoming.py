"""The messages of a call: none is read before there is room for the largest that it may be.

gRPC takes 128 KiB of what a caller sends before it is asked for a message, and cuts off what is
larger than `grpc.max_receive_message_length`. It would also unpack compressed messages, whatever
they become; `server.py` tells it not to, and here that is done up to the limit.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from services.common.rpc.admission import Admission, Hold
from services.common.rpc.callers import Caller
from services.common.rpc.calls import Call, FirstAnswer
from services.common.rpc.errors import InvalidField, Unavailable
from services.common.rpc.metrics import Metrics

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

# RFC 1952. No protobuf message begins so: it would be a field of a wire type that does not exist.
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_SMALLER = "split the request, or send a smaller picture"


class Incoming:
    """What one caller sends."""

    def __init__(
        self,
        handler: Handler,
        call: Call,
        caller: Caller,
        room: Admission,
        metrics: Metrics,
        first: FirstAnswer,
        *,
        max_bytes: int,
    ) -> None:
        """Nothing is read yet.

        Args:
            handler: decodes the messages.
            call: that they belong to.
            caller: who sends them.
            room: admits bytes of messages.
            metrics: counts those that are too large.
            first: takes the time from the first one to the first answer.
            max_bytes: of a message, unpacked.
        """
        self._decode: Any = handler.request_deserializer
        self._call = call
        self._caller = caller
        self._room = room
        self._metrics = metrics
        self._first = first
        self._max_bytes = max_bytes

    async def only(self) -> tuple[Any, Hold]:
        """The message of a call that has one, and the room that it takes.

        Raises:
            InvalidField: none came, or it is too large, or no valid message.
        """
        hold = await self._room.in_turn(self._max_bytes)
        try:
            raw = await self._next(hold)
            if raw is None:
                self._metrics.rejected.labels(reason="size").inc()
                raise InvalidField(
                    "(message)", f"none came, or one of over {self._max_bytes} bytes: {_SMALLER}"
                )
            return self._decoded(raw), hold
        except BaseException:
            hold.release()
            raise

    async def all(self) -> AsyncGenerator[Any]:
        """The messages of a stream. Each takes its room until the next one is asked for.

        Raises:
            InvalidField: one is too large, or not valid.
        """
        while True:
            with await self._room.in_turn(self._max_bytes) as hold:
                raw = await self._next(hold)
                if raw is None:
                    return
                yield self._decoded(raw)

    async def _next(self, hold: Hold) -> bytes | None:
        """The next message as it was before it was packed; None after the last one."""
        try:
            raw: bytes | Any = await self._caller.next_message(self._call.context.read())
        except grpc.aio.BaseError as error:  # what grpc raises once its server stops
            raise Unavailable("the service is being stopped; try again") from error
        if not isinstance(raw, bytes):  # grpc.aio.EOF
            return None
        self._first.asked()
        if raw.startswith(_GZIP_MAGIC):
            raw = await asyncio.to_thread(self._unpacked, raw)
        hold.shrink(len(raw))
        return raw

    def _unpacked(self, packed: bytes) -> bytes:
        """A message that its caller compressed.

        Raises:
            InvalidField: it is broken, or too large.
        """
        unpacker = zlib.decompressobj(_GZIP)
        try:
            raw = unpacker.decompress(packed, self._max_bytes + 1)
        except zlib.error as error:
            raise InvalidField("(message)", f"is compressed, but broken: {error}") from error
        if len(raw) > self._max_bytes:
            self._metrics.rejected.labels(reason="size").inc()
            raise InvalidField(
                "(message)", f"is over {self._max_bytes} bytes when it is unpacked: {_SMALLER}"
            )
        if not unpacker.eof:
            raise InvalidField("(message)", "is compressed, but cut short")
        return raw

    def _decoded(self, raw: bytes) -> Any:
        try:
            return self._decode(raw)
        except DecodeError as error:
            raise InvalidField("(message)", "not a valid protobuf message") from error
