"""What one caller does stops no other: strangers with large messages, readers that stop reading."""

import asyncio
import os
import zlib
from contextlib import AsyncExitStack

import grpc
import psutil
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc
from animegan.image.v1 import image_pb2

from tests.integration.generator.service import ServiceProcess

GENERATE = "/animegan.generator.v1.GeneratorService/Generate"
IMAGES = "animegan_generator_images_total"
MIB = 2**20


class Peak:
    """The most memory that a process has while a block runs, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.before = self.most = self._process.memory_info().rss

    async def __aenter__(self) -> "Peak":
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            self.most = max(self.most, self._process.memory_info().rss)
            await asyncio.sleep(0.005)


async def attempt(target: str, payload: bytes, compression, **metadata: str) -> grpc.StatusCode:
    """Send bytes in a connection of their own; gives the call's code."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(target, options) as channel:
        call = channel.unary_unary(GENERATE)(
            payload, compression=compression, metadata=tuple(metadata.items()), timeout=60
        )
        return await call.code()


@pytest.mark.parametrize(
    ("payload", "compression"),
    [(os.urandom(MIB) * 60, None), (bytes(60 * MIB), grpc.Compression.Gzip)],
    ids=["plain", "compressed"],
)
async def test_strangers_take_no_memory(triton, tmp_path, payload, compression):
    token = {"ANIMEGAN_GENERATOR_AUTH_TOKEN": "swordfish"}
    with ServiceProcess(triton.http_url, tmp_path / "log", **token) as service:
        service.wait_for_event("ready")
        async with Peak(service.process.pid) as memory:
            codes = await asyncio.gather(
                *(attempt(service.target, payload, compression) for _ in range(20))
            )
        assert set(codes) == {grpc.StatusCode.UNAUTHENTICATED}
        assert memory.most - memory.before < 60 * MIB  # of 1,200 that were sent


async def test_messages_of_those_who_may_call_are_bounded_together(triton, tmp_path):
    largest = pb.GenerateStreamRequest(model="x" * (4 * MIB - 100)).SerializeToString()
    flags = ("--max-request-bytes=4194304", "--max-message-bytes-in-flight=16777216")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with Peak(service.process.pid) as memory:
            codes = await asyncio.gather(
                *(attempt(service.target, largest, None) for _ in range(40))
            )
        assert set(codes) == {grpc.StatusCode.INVALID_ARGUMENT}  # the name is too long
        assert memory.most - memory.before < 100 * MIB  # of 160 that were sent, each held thrice


async def test_a_bomb_is_not_unpacked(triton, tmp_path):
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    bomb = b"".join([*(packer.compress(bytes(MIB)) for _ in range(800)), packer.flush()])
    with ServiceProcess(triton.http_url, tmp_path / "log") as service:
        service.wait_for_event("ready")
        async with Peak(service.process.pid) as memory:
            code = await attempt(service.target, bomb, None)  # gzip is known by how it begins
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert memory.most - memory.before < 60 * MIB  # of 800


async def test_connections_have_a_limit(triton, tmp_path):
    flags = ("--max-connections", "2")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with AsyncExitStack() as open_:
            for expected in (True, True, False):
                channel = grpc.aio.insecure_channel(
                    service.target, [("grpc.use_local_subchannel_pool", 1)]
                )
                await open_.enter_async_context(channel)
                stub = generator_pb2_grpc.GeneratorServiceStub(channel)
                call = stub.ListModels(pb.ListModelsRequest(), timeout=5)
                assert (await call.code() is grpc.StatusCode.OK) == expected


async def test_readers_that_stop_reading_lock_nobody_out(triton, tmp_path):
    large = {"count": 10**6, "format": image_pb2.IMAGE_FORMAT_RAW}
    flags = ("--max-images-in-flight=64", "--max-images=16", "--default-deadline-s=20")
    with ServiceProcess(triton.http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with AsyncExitStack() as open_:
            for _ in range(4):  # each would have 48 pictures at a time
                channel = grpc.aio.insecure_channel(
                    service.target, [("grpc.use_local_subchannel_pool", 1)]
                )
                await open_.enter_async_context(channel)
                stub = generator_pb2_grpc.GeneratorServiceStub(channel)
                call = stub.GenerateStream(pb.GenerateStreamRequest(**large))
                open_.callback(call.cancel)
                await call.read()
            made = -1.0
            while made < (made := service.metric(IMAGES, model="stylegan")):
                await asyncio.sleep(1)  # until flow control holds all answers
            for _ in range(3):
                quarter = await stub.Generate(pb.GenerateRequest(count=16))
                assert len(quarter.images) == 16
            stream = stub.GenerateStream(pb.GenerateStreamRequest(count=100), timeout=60)
            assert sum([len(answer.images) async for answer in stream]) == 100
        assert "others need its" in service.log_text()
        async with asyncio.timeout(10):
            while service.metric("animegan_generator_in_flight"):
                await asyncio.sleep(0.05)
