"""Connections to Triton: HTTP/1.1 as far as its answers need it, on all addresses of its names.

A connection carries one request at a time and is kept for the next one. Whoever stops waiting for
an answer leaves its connection to read it: nothing is cancelled (docs/decisions/0012).

A Triton may compute for as long as it likes, but one that owes an answer and sends nothing is asked
whether it lives, which it says at once however busy its models are. If it does not, it is silent:
stopped, cut off, or its machine gone. Then it is asked for nothing until it says that it lives, and
those who wait for it are told, so that they can ask another.
"""

import asyncio
import itertools
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeAlias

import structlog

# Family and socket address, as `getaddrinfo` gives them.
_Address: TypeAlias = tuple[int, tuple[Any, ...]]

# A second lets the system repeat a packet that was lost.
_CONNECT_SECONDS = 1.25
# An address that could not be reached, or is being tried, is asked last for so long.
_AVOID_SECONDS = 5.0
# Tritons that joined a name are used, and those that left it are left, within so long.
_RESOLVE_SECONDS = 5.0
# Without a byte for so long, an address that owes an answer is asked whether it lives. Together
# with the time for that, callers who give us two seconds can still be answered by another Triton.
_SUSPECT_SECONDS = 0.4
# For saying so, waited for in slices: a process that was itself held up finds its timers over
# before it has read what came meanwhile, but only one slice is lost by that.
_LIVE_SECONDS, _LIVE_SLICES = 1.25, 5
# A silent one is asked again after so long.
_ASK_AGAIN_SECONDS = 1.0
# Finds connections that nobody uses to machines that have gone: idle time, interval, attempts.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}  # Linux' names
_END_OF_HEAD = b"\r\n\r\n"
_LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: triton\r\n\r\n"

# Whether an address lives is nobody's request: neither its log lines nor its deadline.
_NOBODY = Context()

log = structlog.get_logger()


def _nothing(*_: object) -> None:
    """Nobody wants to know."""


class SilentError(ConnectionError):
    """The address fell silent over a request; another one may be asked."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[bytes, bytes]  # names in lower case
    body: bytearray


class Place:
    """An address and the connections to it."""

    def __init__(self, address: _Address) -> None:
        """Nothing is known yet about what is at `address`."""
        self.address = address
        self.idle: list[Connection] = []
        self.busy: set[Connection] = set()  # those that it has not answered
        self.heard = 0.0  # when its last bytes came, or, if it owed nothing, it was asked
        self.avoided_until = 0.0
        self.silent = False
        self.probe: asyncio.Task[None] | None = None  # asks whether it lives

    @property
    def probed(self) -> bool:
        """Whether it is just being asked whether it lives."""
        return self.probe is not None and not self.probe.done()

    async def connect(self, ended: Callable[["Connection"], None] = _nothing) -> "Connection":
        """A new connection; `ended` is called with it whenever it carries no request any more.

        Raises:
            OSError: it cannot be reached; TimeoutError if it does not even refuse.
        """
        _, (host, port, *_) = self.address
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            make = partial(Connection, self, ended)
            _, connection = await loop.create_connection(make, host, port)
        return connection

    async def lives(self) -> bool:
        """Whether something comes from it, if only that it lives."""
        asked = monotonic()
        asking = asyncio.create_task(self._ask_whether_live())
        try:
            for _ in range(_LIVE_SLICES):
                await asyncio.wait({asking}, timeout=_LIVE_SECONDS / _LIVE_SLICES)
                if self.heard > asked or asking.done():
                    break
        finally:
            asking.cancel()
        return self.heard > asked

    async def _ask_whether_live(self) -> None:
        with suppress(OSError):
            connection = await self.connect()
            try:
                await connection.ask((_LIVE,), _LIVE_SECONDS, _nothing)
            finally:
                connection.close()


class Connection(asyncio.Protocol):
    """One connection, on which one request at a time is asked."""

    def __init__(self, place: Place, ended: Callable[["Connection"], None] = _nothing) -> None:
        """A connection to `place`, as soon as asyncio has made it; see `Place.connect`."""
        self.place = place
        self.open = False
        self._transport: Any = None
        self._ended = ended
        self._settled: Callable[[], None] = _nothing
        self._answer: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head = b""
        self._status, self._headers = 0, dict[bytes, bytes]()
        self._body: bytearray | None = None
        self._filled = 0

    def ask(
        self, parts: Sequence[bytes], seconds: float, settled: Callable[[], None]
    ) -> asyncio.Future[Answer]:
        """Send a request.

        Args:
            parts: of the request, in order.
            seconds: after which it is given up.
            settled: is called as soon as the answer is here, or none is expected any more: not
                when whoever waits for it stops waiting.

        Returns:
            The answer; ConnectionError if the connection broke before it was complete or the
            address fell silent (`SilentError`), TimeoutError if the seconds were over. It may be
            cancelled.
        """
        loop = asyncio.get_running_loop()
        self._transport.writelines(parts)
        self._answer, self._settled = loop.create_future(), settled
        self._timer = loop.call_later(
            seconds, self._give_up, TimeoutError(f"nothing for {seconds:g} s")
        )
        return self._answer

    def expect_nothing(self) -> None:
        """Let nobody wait for the answer; if it comes all the same, it is read and dropped."""
        if self._answer is None:
            return
        if not self._answer.done():
            self._answer.set_exception(SilentError("the address fell silent"))
        self._settle()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        self._transport = transport
        self.open = True
        endpoint = transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if (option := getattr(socket, name, None)) is not None:
                endpoint.setsockopt(socket.IPPROTO_TCP, option, value)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        self.open = False
        self._end(ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """asyncio's: some bytes of an answer."""
        self.place.heard = monotonic()
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
        self._settle()
        self._ended(self)

    def _settle(self) -> None:
        settled, self._settled = self._settled, _nothing
        settled()


class Connections:
    """Connections to all addresses of some names, which take requests in turn."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Use `urls`, host:port each. They are first contacted by the first request."""
        self._urls = urls
        self._found: dict[str, Sequence[_Address]] = {}  # by URL
        self._places: Sequence[Place] = ()
        self._resolved = -_RESOLVE_SECONDS
        self._busy: set[Connection] = set()  # of which answers are expected
        self._turns: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        self._quiet = asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None

    async def ask(
        self,
        parts: Sequence[bytes],
        seconds: float,
        kind: str = "",
        settled: Callable[[], None] = _nothing,
    ) -> asyncio.Future[Answer]:
        """Send a request to the next address that can be reached; see `Connection.ask`.

        Args:
            parts: of the request.
            seconds: after which it is given up.
            kind: of request; each has turns of its own, or two that are asked for alternately
                would go to one of two addresses each.
            settled: see `Connection.ask`.

        Raises:
            ConnectionError: there is none; nothing was sent.
        """
        connection = await self._connection(kind)
        answer = connection.ask(parts, seconds, settled)
        place = connection.place
        if not place.busy:
            place.heard = monotonic()
        place.busy.add(connection)
        self._busy.add(connection)
        if self._watch is None:
            self._look_again_in(_SUSPECT_SECONDS)
        return answer

    async def close(self, seconds: float) -> None:
        """Close all connections, after the answers that are outstanding, or `seconds` seconds."""
        if self._busy:
            self._quiet.clear()
            waiting = asyncio.ensure_future(self._quiet.wait())
            await asyncio.wait({waiting}, timeout=seconds)
            waiting.cancel()
        if self._watch is not None:
            self._watch.cancel()
        places, self._places = self._places, ()
        for place in places:
            self._leave(place)
        for connection in {*self._busy, *itertools.chain(*(place.busy for place in places))}:
            connection.close()

    async def _connection(self, kind: str) -> Connection:
        if monotonic() - self._resolved >= _RESOLVE_SECONDS:
            await self._resolve()
        reason = None
        for place in self._in_turn(kind):
            if place.silent:
                continue
            while place.idle:
                connection = place.idle.pop()
                if connection.open:
                    return connection
            try:
                return await self._connect(place)
            except OSError as error:  # TimeoutError is one
                reason = error
        self._resolved = -_RESOLVE_SECONDS  # Tritons may have moved
        raise ConnectionError(f"no address of {', '.join(self._urls)} can be reached") from reason

    def _in_turn(self, kind: str) -> Sequence[Place]:
        places = self._places
        if len(places) <= 1:
            return places
        first, now = next(self._turns[kind]) % len(places), monotonic()
        turned = (*places[first:], *places[:first])
        return sorted(turned, key=lambda place: place.avoided_until > now)

    async def _connect(self, place: Place) -> Connection:
        place.avoided_until = monotonic() + _AVOID_SECONDS  # others need not wait for it, too
        try:
            connection = await place.connect(self._ended)
        except TimeoutError:
            self._suspect(place)
            raise
        if not connection.open:
            raise ConnectionError("it was closed as soon as it was opened")
        place.avoided_until = 0.0
        return connection

    async def _resolve(self) -> None:
        """Look the names up. Callers that come meanwhile use what is known."""
        if self._places:
            self._resolved = monotonic()
        answers = await asyncio.gather(*(_look_up(url) for url in self._urls))
        # What is known of a name still holds where nothing else is; without any there is no answer.
        self._found |= {url: found for url, found in zip(self._urls, answers, strict=True) if found}
        if not self._found:
            return
        known = {place.address: place for place in self._places}
        addresses = sorted(set(itertools.chain(*self._found.values())))
        self._places = [known.get(address) or Place(address) for address in addresses]
        self._resolved = monotonic()
        for address in known.keys() - set(addresses):
            self._leave(known[address])

    def _leave(self, place: Place) -> None:
        """Close what is idle there; what is busy is closed as soon as it is not."""
        if place.probe is not None:
            place.probe.cancel()
        for connection in place.idle:
            connection.close()
        place.idle.clear()

    def _look_again_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(seconds, self._look, context=_NOBODY)

    def _look(self) -> None:
        """Suspect the addresses that owe an answer and have sent nothing for too long."""
        self._watch, now, wait = None, monotonic(), _SUSPECT_SECONDS
        for place in {connection.place for connection in self._busy}:
            if place.silent or place.probed:
                continue
            left = place.heard + _SUSPECT_SECONDS - now
            if left > 0:
                wait = min(wait, left)
            else:
                self._suspect(place)
        if self._busy:
            self._look_again_in(wait)

    def _suspect(self, place: Place) -> None:
        """Find out whether it lives; until that is known it is asked last."""
        if not place.probed:
            place.avoided_until = monotonic() + _AVOID_SECONDS
            place.probe = asyncio.create_task(self._probe(place), context=_NOBODY)

    async def _probe(self, place: Place) -> None:
        """Ask an address whether it lives, until it does; it is silent meanwhile."""
        while not await place.lives():
            if not place.silent:
                log.warning("a Triton is silent", address=_text(place.address))
            place.silent = True
            for connection in place.busy:
                connection.expect_nothing()
            self._expect_nothing_from(place.busy)
            if place not in self._places:
                return
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        if place.silent:
            log.info("a Triton answers again", address=_text(place.address))
        place.silent, place.avoided_until = False, 0.0

    def _ended(self, connection: Connection) -> None:
        """A connection has nothing to do any more: keep it for the next request."""
        place = connection.place
        place.busy.discard(connection)
        self._expect_nothing_from((connection,))
        if connection.open and place in self._places:
            place.idle.append(connection)
        elif connection.open:
            connection.close()

    def _expect_nothing_from(self, connections: Iterable[Connection]) -> None:
        self._busy.difference_update(connections)
        if not self._busy:
            self._quiet.set()


async def _look_up(url: str) -> Sequence[_Address]:
    """The addresses that a name stands for; none if nobody knows it just now."""
    host, _, port = url.rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return [(family, address) for family, _, _, _, address in found]


def _text(address: _Address) -> str:
    _, (host, port, *_) = address
    return f"{host}:{port}"
