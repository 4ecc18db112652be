"""Triton's HTTP becomes arrays, its errors ours; requests are balanced and never cancelled."""

import asyncio
import json
import struct

import numpy as np
import pytest

from services.common.rpc import deadline, errors
from services.common.triton import client as triton_client
from services.common.triton.client import _MAX_UNDER_WAY, Triton
from tests.unit.services.common.triton.http_triton import HttpTriton, response, tensors

Z = {"z": np.zeros((1, 4), np.float32)}


async def answered(answer: bytes, inputs=Z, outputs=("image",)):
    """What an inference comes to if Triton's answer is `answer`; and the request."""
    async with HttpTriton(answer=answer) as server, Triton(server.url) as triton:
        server.gate.set()
        found = await triton.infer_all("m", 1, inputs, outputs)
        return found, *server.requests[0]


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (503, "model is not ready", errors.Unavailable),
        (499, "cancelled", errors.Unavailable),
        (404, "Request for unknown model: 'x'", errors.NotFound),
        (500, "out of memory", errors.Internal),
        (400, "unexpected shape", errors.Internal),
    ],
)
async def test_complaints(status, message, expected):
    with pytest.raises(errors.ServiceError) as raised:
        await answered(response(status, json.dumps({"error": message}).encode()))
    assert type(raised.value) is expected
    if expected in (errors.Internal, errors.NotFound):
        assert message in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", errors.Unavailable),
        (b"HTTP/1.1 200 OK\r\n\r\n", errors.Unavailable),  # of which length?
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", errors.Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", errors.Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", errors.Unavailable),
        (response(502, b"<html>"), errors.Internal),
        (response(200, b"{}"), errors.Internal),
        (response(200, b"{}", 2), errors.Internal),
        (response(200, b"nonsense", 8), errors.Internal),
        (tensors(("image", "FP32", [1, 2], b"\x01\x02")), errors.Internal),
        (tensors(("image", "COMPLEX", [1, 2], b"\x01\x02")), errors.Internal),
        (tensors(("image", "BYTES", [1], b"\x05\0\0\0a")), errors.Internal),
        (tensors(("image", "BYTES", [1], b"\0\0")), errors.Internal),
        (tensors(("other", "UINT8", [1], b"\x01")), errors.Internal),
    ],
)
async def test_answers_that_make_no_sense_are_errors_of_ours(answer, expected):
    with pytest.raises(expected):
        await answered(answer)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8"])
async def test_numbers_travel_as_they_are(dtype):
    sent = np.arange(6).reshape(3, 2).astype(dtype).T  # not in the order of its rows
    name = triton_client._NAMES[sent.dtype]
    found, head, body = await answered(
        tensors(("image", name, [2, 3], sent.tobytes())), {"x": sent}
    )
    described = int(head.partition(b"Inference-Header-Content-Length: ")[2].split(b"\r\n")[0])
    assert head.startswith(b"POST /v2/models/m/versions/1/infer HTTP/1.1\r\n")
    assert json.loads(body[:described])["inputs"] == [
        {
            "name": "x",
            "datatype": name,
            "shape": [2, 3],
            "parameters": {"binary_data_size": sent.nbytes},
        }
    ]
    assert body[described:] == sent.tobytes()
    assert found["image"].dtype == sent.dtype
    assert np.array_equal(found["image"], sent)
    assert not found["image"].flags.writeable


async def test_texts_travel_with_their_lengths():
    texts = np.array([[b"", b"two\0"]], np.object_)
    data = struct.pack("<I", 0) + struct.pack("<I", 4) + b"two\0"
    found, _, body = await answered(tensors(("image", "BYTES", [1, 2], data)), {"x": texts})
    assert body.endswith(data)
    assert found["image"].tolist() == texts.tolist()


async def test_an_answer_may_come_in_pieces():
    picture = np.arange(300_000, dtype=np.uint8).reshape(1, -1)
    answer = tensors(("image", "UINT8", [1, 300_000], picture.tobytes()))
    found, *_ = await answered(answer)
    assert np.array_equal(found["image"], picture)


async def test_a_connection_is_used_again():
    async with HttpTriton() as server, Triton(server.url) as triton:
        server.gate.set()
        for _ in range(3):
            assert (await triton.infer("m", 1, Z, "image")).tolist() == [[1, 2]]
        async with deadline.within(5):
            assert await triton.ready_versions() == {"m": [1]}
    assert (server.asked, server.connections) == (4, 1)


@pytest.fixture
def two_addresses(monkeypatch):
    """A name that stands for two addresses, as that of a headless Service does."""

    async def getaddrinfo(_, host, port, **options):
        assert host == "tritons"
        return [(2, 1, 6, "", (address, int(port))) for address in ("127.0.0.1", "127.0.0.2")]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


async def test_requests_go_to_every_address_of_a_name_in_turn(two_addresses):
    async with (
        HttpTriton("127.0.0.1") as one,
        HttpTriton("127.0.0.2", one.port) as other,
        Triton(f"tritons:{one.port}") as client,
        deadline.within(10),
    ):
        for _ in range(10):
            await client.ready_versions()
    assert (one.asked, other.asked) == (5, 5)


async def test_an_address_that_is_away_costs_nobody_anything(two_addresses):
    async with (
        HttpTriton("127.0.0.1") as one,
        HttpTriton("127.0.0.2", one.port) as other,
        Triton(f"tritons:{one.port}") as client,
        deadline.within(10),
    ):
        for _ in range(2):
            await client.ready_versions()
        other.stop()
        await asyncio.sleep(0.1)
        for _ in range(10):
            await client.ready_versions()
    assert (one.asked, other.asked) == (11, 1)


async def test_each_kind_of_request_has_turns_of_its_own(two_addresses):
    async with (
        HttpTriton("127.0.0.1") as one,
        HttpTriton("127.0.0.2", one.port) as other,
        Triton(f"tritons:{one.port}") as client,
        deadline.within(10),
    ):
        one.gate.set()
        other.gate.set()
        for _ in range(10):
            await client.infer("m", 1, Z, "image")
            await client.ready_versions()
    inferences = [sum(head.startswith(b"POST") for head, _ in t.requests) for t in (one, other)]
    assert inferences == [5, 5]


async def test_a_triton_that_is_away_is_unavailable_and_one_that_is_back_is_used():
    async with HttpTriton() as server:
        url, port = server.url, server.port
    async with Triton(url) as client, deadline.within(10):
        for _ in range(2):
            with pytest.raises(errors.Unavailable):
                await client.infer("m", 1, Z, "image")
            with pytest.raises(errors.Unavailable):
                await client.ready_versions()
        async with HttpTriton(port=port) as server:
            server.gate.set()
            assert (await client.infer("m", 1, Z, "image")).tolist() == [[1, 2]]


async def test_a_triton_that_dies_over_an_inference_is_unavailable():
    async with HttpTriton() as server, Triton(server.url) as client:
        asking = asyncio.create_task(client.infer("m", 1, Z, "image"))
        while not server.asked:
            await asyncio.sleep(0.01)
        server.stop()
        with pytest.raises(errors.Unavailable):
            await asking
        assert client._room._value == _MAX_UNDER_WAY


async def test_an_inference_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(triton_client, "_INFERENCE_SECONDS", 0.05)
    async with HttpTriton() as server, Triton(server.url) as client:
        with pytest.raises(errors.DeadlineExceeded):
            await client.infer("m", 1, Z, "image")
        assert client._room._value == _MAX_UNDER_WAY


async def test_inferences_of_callers_who_have_gone_stay_under_way_and_keep_their_room():
    async with HttpTriton() as triton:
        async with Triton(triton.url) as client:
            callers = [
                asyncio.create_task(client.infer("m", 1, Z, "image"))
                for _ in range(2 * _MAX_UNDER_WAY)
            ]
            while triton.asked < _MAX_UNDER_WAY:
                await asyncio.sleep(0.01)
            for caller in callers:
                caller.cancel()
            await asyncio.wait(callers)
            waiting = asyncio.create_task(client.infer("m", 1, Z, "image"))
            async with deadline.within(5):
                await client.ready_versions()  # passes them by
            assert (triton.asked, triton.lost) == (_MAX_UNDER_WAY + 1, 0)
            triton.gate.set()
            assert (await waiting).tolist() == [[1, 2]]
        assert (triton.asked, triton.lost) == (_MAX_UNDER_WAY + 2, 0)
        assert triton.connections == _MAX_UNDER_WAY + 1


async def test_a_connection_closes_after_the_inferences_that_nobody_waits_for():
    async with HttpTriton() as triton:
        async with Triton(triton.url) as client:
            caller = asyncio.create_task(client.infer("m", 1, Z, "image"))
            while not triton.asked:
                await asyncio.sleep(0.01)
            caller.cancel()
            asyncio.get_running_loop().call_later(0.1, triton.gate.set)
        assert triton.gate.is_set()
        assert triton.lost == 0
