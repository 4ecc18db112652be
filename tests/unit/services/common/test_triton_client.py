"""tritonclient's errors, whose status is a string, become ours; requests are balanced."""

import asyncio

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from services.common import deadline, errors
from services.common.triton_client import _MAX_UNDER_WAY, Triton, _translated


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        ("StatusCode.UNAVAILABLE", "failed to connect", errors.Unavailable),
        ("StatusCode.CANCELLED", "shutting down", errors.Unavailable),
        ("StatusCode.DEADLINE_EXCEEDED", "Deadline Exceeded", errors.DeadlineExceeded),
        ("StatusCode.NOT_FOUND", "Request for unknown model: 'x'", errors.NotFound),
        ("StatusCode.INTERNAL", "out of memory", errors.Internal),
        ("StatusCode.INVALID_ARGUMENT", "unexpected shape", errors.Internal),
        (None, "model version must be a string", errors.Internal),
    ],
)
async def test_translation(status, message, expected):
    cause = InferenceServerException(message, status=status)

    async def request():
        raise cause

    with pytest.raises(errors.ServiceError) as raised:
        await _translated(request())
    assert type(raised.value) is expected
    assert raised.value.__cause__ is cause


class CountingTriton:
    """Answers statistics, and inferences as soon as `gate` is open; counts them."""

    def __init__(self):
        self.asked = self.cancelled = 0
        self.gate = asyncio.Event()
        self.server = grpc.aio.server()
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        methods = {
            "ModelStatistics": grpc.unary_unary_rpc_method_handler(
                self.statistics,
                request_deserializer=service_pb2.ModelStatisticsRequest.FromString,
                response_serializer=service_pb2.ModelStatisticsResponse.SerializeToString,
            ),
            "ModelInfer": grpc.unary_unary_rpc_method_handler(
                self.infer,
                request_deserializer=service_pb2.ModelInferRequest.FromString,
                response_serializer=service_pb2.ModelInferResponse.SerializeToString,
            ),
        }
        self.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("inference.GRPCInferenceService", methods)]
        )

    async def statistics(self, request, context):
        self.asked += 1
        return service_pb2.ModelStatisticsResponse()

    async def infer(self, request, context):
        self.asked += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        answer = service_pb2.ModelInferResponse()
        answer.outputs.add(name="image", datatype="UINT8", shape=[1, 2])
        answer.raw_output_contents.append(b"\x01\x02")
        return answer


async def test_requests_go_to_every_address_of_a_name_in_turn():
    """As the addresses of a headless Service do; otherwise one pod has all the work."""
    tritons = [CountingTriton(), CountingTriton()]
    for triton in tritons:
        await triton.server.start()
    addresses = ",".join(f"127.0.0.1:{triton.port}" for triton in tritons)
    try:
        async with Triton(f"ipv4:{addresses}") as client, deadline.within(10):
            while not all(triton.asked for triton in tritons):  # both are connected
                await client.ready_versions()
            before = [triton.asked for triton in tritons]
            for _ in range(10):
                await client.ready_versions()
    finally:
        for triton in tritons:
            await triton.server.stop(None)
    assert [triton.asked - asked for triton, asked in zip(tritons, before, strict=True)] == [5, 5]


async def test_inferences_of_callers_who_have_gone_stay_under_way_and_keep_their_room():
    triton = CountingTriton()
    await triton.server.start()
    z = {"z": np.zeros((1, 4), np.float32)}
    async with Triton(f"127.0.0.1:{triton.port}") as client:
        callers = [
            asyncio.create_task(client.infer("m", 1, z, "image")) for _ in range(2 * _MAX_UNDER_WAY)
        ]
        while triton.asked < _MAX_UNDER_WAY:
            await asyncio.sleep(0.01)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        waiting = asyncio.create_task(client.infer("m", 1, z, "image"))
        async with deadline.within(5):
            await client.ready_versions()  # is answered after all that was sent before
        assert (triton.asked, triton.cancelled) == (_MAX_UNDER_WAY + 1, 0)
        triton.gate.set()
        assert (await waiting).tolist() == [[1, 2]]
    assert (triton.asked, triton.cancelled) == (_MAX_UNDER_WAY + 2, 0)
    await triton.server.stop(None)


async def test_a_connection_closes_after_the_inferences_that_nobody_waits_for():
    triton = CountingTriton()
    await triton.server.start()
    async with Triton(f"127.0.0.1:{triton.port}") as client:
        caller = asyncio.create_task(client.infer("m", 1, {"z": np.zeros((1, 4))}, "image"))
        while not triton.asked:
            await asyncio.sleep(0.01)
        caller.cancel()
        asyncio.get_running_loop().call_later(0.1, triton.gate.set)
    assert triton.gate.is_set()
    assert triton.cancelled == 0
    await triton.server.stop(None)
