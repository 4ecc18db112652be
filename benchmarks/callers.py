"""How the load generator calls each kind of server: one connection pool, one event loop."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp

from animegan_client import AsyncGeneratorClient
from benchmarks.inference import unpack
from benchmarks.load import Call

Caller = Callable[[str], AbstractAsyncContextManager[Call]]
"""Opens the way to an address, "host:port"."""


@asynccontextmanager
async def by_grpc(target: str) -> AsyncIterator[Call]:
    """Our service, by our own client."""
    async with AsyncGeneratorClient(target) as client:

        async def call(seeds: Sequence[int]) -> Sequence[bytes]:
            return [image.data for image in (await client.generate(seeds=seeds)).images]

        yield call


def by_http(decode: Callable[[bytes], Sequence[bytes]]) -> Caller:
    """A peer that takes {"seeds": [...]} at POST /generate; `decode` reads its answer."""

    @asynccontextmanager
    async def open_session(target: str) -> AsyncIterator[Call]:
        url = f"http://{target}/generate"
        # Uvicorn hangs up after 5 idle seconds; whoever reuses a connection then gets an error.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3)
        async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:

            async def call(seeds: Sequence[int]) -> Sequence[bytes]:
                async with session.post(url, json={"seeds": seeds}) as response:
                    return decode(await response.read())

            yield call

    return open_session


def decode_base64(body: bytes) -> list[bytes]:
    """The files of a JSON list of base64 texts."""
    return [base64.b64decode(text) for text in json.loads(body)]


by_packed_http = by_http(unpack)
by_base64_http = by_http(decode_base64)
