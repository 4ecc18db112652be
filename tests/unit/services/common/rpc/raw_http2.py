"""A gRPC caller by hand, for what no gRPC client sends: odd metadata, windows that stay shut.

Frames as of RFC 9113, section 4.1; headers as literals without indexing, RFC 7541, section 6.2.2.
"""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4


class Connection:
    """One connection; its methods block."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._stream = -1

    def call(
        self, path: bytes, message: bytes, metadata: Sequence[tuple[bytes, bytes]] = ()
    ) -> int:
        """Send a whole unary request; returns the number of its stream."""
        self._stream += 2
        fields = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path),
            (b":authority", b"localhost"),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            *metadata,
        ]
        block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)
        self._send(HEADERS, END_HEADERS, self._stream, block)
        body = struct.pack(">BI", 0, len(message)) + message
        self._send(DATA, END_STREAM, self._stream, body)
        return self._stream

    def answer(self, stream: int) -> bytes:
        """All headers and data of a stream until its end, not decoded."""
        got = b""
        for kind, flags, number, payload in self._frames():
            if number == stream and kind in (DATA, HEADERS):
                got += payload
                if flags & END_STREAM:
                    return got
            if number == stream and kind == RST_STREAM:
                return got
        raise AssertionError(f"the connection ended after {got!r}")

    def start(self, *, window: int) -> None:
        """Say hello. The server may send `window` bytes of data on a stream."""
        self._socket.sendall(PREFACE)
        self._send(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window))

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
        self._socket.sendall(head + payload)

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        while head := self._exactly(9):
            length = int.from_bytes(head[:3])
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = self._exactly(length)
            if kind in (SETTINGS, PING) and not flags & ACK:
                self._send(kind, ACK, 0, payload if kind == PING else b"")
            yield kind, flags, stream, payload

    def _exactly(self, size: int) -> bytes:
        got = b""
        while len(got) < size and (more := self._socket.recv(size - len(got))):
            got += more
        return got


@contextmanager
def connected(port: int, *, window: int = 2**16) -> Iterator[Connection]:
    """A connection to a server of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        connection = Connection(sock)
        connection.start(window=window)
        yield connection


def _text(text: bytes) -> bytes:
    """A string literal of HPACK without Huffman code, its length as a 7-bit-prefix integer."""
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    head, length = b"\x7f", length - 127
    while length >= 128:
        head += bytes([length % 128 + 128])
        length //= 128
    return head + bytes([length]) + text
