"""A Triton that speaks HTTP and answers from memory."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Self


def response(status: int, body: bytes, described: int | None = None) -> bytes:
    """An answer; its first `described` bytes are the description of the tensors that follow."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n"
    if described is not None:
        head += f"Inference-Header-Content-Length: {described}\r\n"
    return head.encode() + b"\r\n" + body


def tensors(*described: tuple[str, str, list[int], bytes]) -> bytes:
    """An answer with tensors: name, type, shape, data."""
    outputs = [
        {
            "name": name,
            "datatype": dtype,
            "shape": shape,
            "parameters": {"binary_data_size": len(d)},
        }
        for name, dtype, shape, d in described
    ]
    description = json.dumps({"outputs": outputs}).encode()
    return response(200, description + b"".join(d for *_, d in described), len(description))


IMAGE = tensors(("image", "UINT8", [1, 2], b"\x01\x02"))
STATISTICS = response(200, b'{"model_stats": [{"name": "m", "version": "1"}]}')


class HttpTriton(AbstractAsyncContextManager["HttpTriton"]):
    """Answers statistics at once, and inferences with `answer` as soon as `gate` is open.

    Nothing is answered while `awake` is clear, as by a process that is stopped. Whether it lives
    is asked on connections of its own; these and those questions are counted apart.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, answer: bytes = IMAGE) -> None:
        self.host, self.port, self.answer = host, port, answer
        self.asked = 0  # requests
        self.connections = 0  # that were ever made
        self.lost = 0  # connections that were closed while an answer was outstanding
        self.requests: list[tuple[bytes, bytes]] = []  # head and body
        self.probes = 0  # whether it lives
        self.gate = asyncio.Event()
        self.awake = asyncio.Event()
        self.awake.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()

    @property
    def url(self) -> str:
        return f"{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._connection, self.host, self.port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        self.awake.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def stop(self) -> None:
        """Refuse connections, and close those that there are."""
        self.server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _may_answer(self) -> None:
        await self.gate.wait()
        await self.awake.wait()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self._tasks.add(asyncio.current_task())
        while head := await _head(reader):
            if head.startswith(b"GET /v2/health/live "):
                self.probes += 1
                self.connections -= 1
                await self.awake.wait()
                writer.write(response(200, b""))
                continue
            self.asked += 1
            length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
            self.requests.append((head, await reader.readexactly(int(length or 0))))
            if head.startswith(b"GET"):
                await self.awake.wait()
                writer.write(STATISTICS)
                continue
            gone = asyncio.ensure_future(reader.read(1))
            open_ = asyncio.ensure_future(self._may_answer())
            await asyncio.wait({gone, open_}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.lost += 1
                return
            gone.cancel()
            await asyncio.wait({gone})
            writer.write(self.answer)
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request; empty once there is none."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
