"""Connections to Triton: HTTP/1.1 as far as its answers need it, on all addresses of a name.

A connection carries one request at a time and is kept for the next one. Whoever stops waiting for
an answer leaves its connection to read it: nothing is cancelled (docs/decisions/0012).
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from socket import SOCK_STREAM
from time import monotonic
from typing import Any, TypeAlias

# Family and socket address, as `getaddrinfo` gives them.
_Address: TypeAlias = tuple[int, tuple[Any, ...]]

_CONNECT_SECONDS = 5.0
# An address that could not be reached, or is being tried, is asked last for so long.
_AVOID_SECONDS = 5.0
# Tritons that joined a name are used, and those that left it are left, within so long.
_RESOLVE_SECONDS = 5.0
_END_OF_HEAD = b"\r\n\r\n"


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[bytes, bytes]  # names in lower case
    body: bytearray


class Connection(asyncio.Protocol):
    """One connection, on which one request at a time is asked."""

    def __init__(self, address: _Address) -> None:
        """A connection to `address`, as soon as asyncio has made it."""
        self.address = address
        self.open = False
        self._transport: Any = None
        self._ended: Callable[[], None] = _nothing
        self._answer: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head = b""
        self._status, self._headers = 0, dict[bytes, bytes]()
        self._body: bytearray | None = None
        self._filled = 0

    def ask(
        self, parts: Sequence[bytes], seconds: float, ended: Callable[[], None]
    ) -> asyncio.Future[Answer]:
        """Send a request.

        Args:
            parts: of the request, in order.
            seconds: after which it is given up.
            ended: is called as soon as the answer is here, or none will come: not when whoever
                waits for it stops waiting.

        Returns:
            The answer; ConnectionError if the connection broke before it was complete, TimeoutError
            if the seconds were over. It may be cancelled.
        """
        loop = asyncio.get_running_loop()
        self._answer, self._ended = loop.create_future(), ended
        self._timer = loop.call_later(
            seconds, self._give_up, TimeoutError(f"nothing for {seconds:g} s")
        )
        self._transport.writelines(parts)
        return self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        self._transport = transport
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        self.open = False
        self._end(ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """asyncio's: some bytes of an answer."""
        if self._body is None:
            data = self._head = self._head + data
            end = data.find(_END_OF_HEAD)
            if end < 0:
                return
            try:
                self._body = self._begun(data[:end])
            except (ValueError, LookupError, OverflowError, MemoryError) as error:
                self._give_up(ConnectionError(f"not HTTP as Triton speaks it: {error!r}"))
                return
            data = data[end + len(_END_OF_HEAD) :]
        self._fill(self._body, data)

    def close(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def _begun(self, head: bytes) -> bytearray:
        """Read the head of an answer; return room for its body."""
        first, *lines = head.split(b"\r\n")
        self._status = int(first.split(b" ", 2)[1])
        pairs = (line.partition(b":") for line in lines)
        self._headers = {name.lower(): value.strip() for name, _, value in pairs}
        self._filled = 0
        return bytearray(int(self._headers[b"content-length"]))

    def _fill(self, body: bytearray, data: bytes) -> None:
        end = self._filled + len(data)
        if end > len(body) or self._answer is None:
            self._give_up(ConnectionError("more came than was announced, or unasked"))
            return
        body[self._filled : end] = data
        self._filled = end
        if end == len(body):
            answer = Answer(self._status, self._headers, body)
            if self._headers.get(b"connection", b"").lower() == b"close":
                self.open = False
                self._transport.close()
            self._end(answer)

    def _give_up(self, reason: Exception) -> None:
        self.open = False
        self._transport.abort()
        self._end(reason)

    def _end(self, outcome: Answer | Exception) -> None:
        """Hand the answer to whoever still waits for it, and be ready for the next request."""
        answer, self._answer, self._head, self._body = self._answer, None, b"", None
        if self._timer is not None:
            self._timer.cancel()
        if answer is None:
            return
        if not answer.done():
            if isinstance(outcome, Answer):
                answer.set_result(outcome)
            else:
                answer.set_exception(outcome)
        self._ended()


class Connections:
    """Connections to all addresses of one name, which take requests in turn."""

    def __init__(self, url: str) -> None:
        """Use `url`, host:port. It is first contacted by the first request."""
        host, _, port = url.rpartition(":")
        self._host, self._port = host.strip("[]"), port
        self._addresses: Sequence[_Address] = ()
        self._resolved = -_RESOLVE_SECONDS
        self._doubtful: dict[_Address, float] = {}  # since when
        self._idle: dict[_Address, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._turns = itertools.count()
        self._quiet = asyncio.Event()

    async def ask(
        self, parts: Sequence[bytes], seconds: float, ended: Callable[[], None] = _nothing
    ) -> asyncio.Future[Answer]:
        """Send a request to the next address that can be reached; see `Connection.ask`.

        Raises:
            ConnectionError: there is none; nothing was sent.
        """
        connection = await self._connection()
        self._busy.add(connection)
        return connection.ask(parts, seconds, partial(self._ended, connection, ended))

    async def close(self, seconds: float) -> None:
        """Close all connections, after the answers that are outstanding, or `seconds` seconds."""
        if self._busy:
            self._quiet.clear()
            waiting = asyncio.ensure_future(self._quiet.wait())
            await asyncio.wait({waiting}, timeout=seconds)
            waiting.cancel()
        self._addresses = ()
        for connection in (*self._busy, *itertools.chain(*self._idle.values())):
            connection.close()

    async def _connection(self) -> Connection:
        if monotonic() - self._resolved >= _RESOLVE_SECONDS:
            await self._resolve()
        first = next(self._turns) % (len(self._addresses) or 1)
        addresses = (*self._addresses[first:], *self._addresses[:first])
        lately, reason = monotonic() - _AVOID_SECONDS, None
        for address in sorted(addresses, key=lambda one: self._doubtful.get(one, lately) > lately):
            idle = self._idle.get(address, [])
            while idle:
                connection = idle.pop()
                if connection.open:
                    return connection
            try:
                return await self._connect(address)
            except OSError as error:  # TimeoutError is one
                reason = error
        self._resolved = -_RESOLVE_SECONDS  # Tritons may have moved
        raise ConnectionError(f"no address of {self._host}:{self._port} can be reached") from reason

    async def _connect(self, address: _Address) -> Connection:
        _, (host, port, *_) = address
        loop = asyncio.get_running_loop()
        self._doubtful[address] = monotonic()  # others need not wait for it, too
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, connection = await loop.create_connection(partial(Connection, address), host, port)
        self._doubtful.pop(address, None)
        return connection

    async def _resolve(self) -> None:
        """Look the name up. Callers that come meanwhile use what is known."""
        if self._addresses:
            self._resolved = monotonic()
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=SOCK_STREAM)
        except OSError:
            return  # what is known still holds; without any there is no answer
        self._addresses = sorted({(family, address) for family, _, _, _, address in found})
        self._resolved = monotonic()
        for gone in self._idle.keys() - set(self._addresses):
            for connection in self._idle.pop(gone):
                connection.close()

    def _ended(self, connection: Connection, ended: Callable[[], None]) -> None:
        self._busy.discard(connection)
        ended()
        if connection.open and connection.address in self._addresses:
            self._idle.setdefault(connection.address, []).append(connection)
        elif connection.open:
            connection.close()
        if not self._busy:
            self._quiet.set()
