"""Every status of the API, provoked over the wire: what callers do wrong, and what breaks."""

import asyncio

import grpc
import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1 import similarity_pb2_grpc
from google.rpc import error_details_pb2

from tests.integration.generator.test_statuses import detail, failure
from tests.integration.similarity.material import COLOUR, HELDOUT, SimilarityProcess, pixels, png

IMAGE = image_pb2.Image(data=png(HELDOUT[0]))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"image": None}, "query.image.data"),
        ({"image": image_pb2.Image(data=b"GIF89a, they said")}, "query.image.data"),
        ({"image": image_pb2.Image(data=IMAGE.data[:-30])}, "query.image.data"),
        ({"image": image_pb2.Image(data=b"ab", format=4, width=1, height=1, channels=3)},
         "query.image.data"),
        ({"image": image_pb2.Image(data=b"ab", format=99)}, "query.image.format"),
        ({"k": 0}, "query.k"),
        ({"k": 1001}, "query.k"),
        ({"index": "x" * 65}, "query.index"),
        ({"definition": "gaussian"}, "query.definition"),
        ({"false_alarm_rate": 0.0}, "query.false_alarm_rate"),
        ({"false_alarm_rate": float("nan")}, "query.false_alarm_rate"),
        ({"false_alarm_rate": 0.001}, "query.false_alarm_rate"),
        ({"thumbnail_format": 99}, "query.thumbnail_format"),
        ({"model": "{label}"}, "query.model"),
    ],
)  # fmt: skip
async def test_invalid_argument_names_the_field(stub, fields, field):
    query = pb.SearchQuery(**{"image": IMAGE} | fields)
    error = await failure(stub.Search(pb.SearchRequest(query=query)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = detail(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == field
    assert violation.description


async def test_another_definition_names_the_index_that_has_it(stub):
    query = pb.SearchQuery(image=IMAGE, definition="gaussian")
    error = await failure(stub.Search(pb.SearchRequest(query=query)))
    assert error.details().endswith("'gaussian' is that of: grey")


async def test_a_pair_without_a_second_picture(stub):
    error = await failure(stub.Explain(pb.ExplainRequest(image=IMAGE)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "id or other_image" in error.details()


@pytest.mark.parametrize("image_id", [100, 2**63 - 1])
async def test_no_such_image(stub, image_id):
    for call in (
        stub.GetImage(pb.GetImageRequest(id=image_id)),
        stub.Explain(pb.ExplainRequest(image=IMAGE, id=image_id)),
    ):
        error = await failure(call)
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert str(image_id) in error.details()


async def test_no_such_index_lists_those_there_are(stub):
    error = await failure(stub.GetImage(pb.GetImageRequest(index="nobody")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "no index 'nobody'; there are: colour, grey"


async def test_more_queries_than_fit_are_refused_at_once(tritons, tmp_path):
    flags = ("--max-images-in-flight", "3", "--default-index", "colour")
    urls = ",".join(triton.http_url for triton in tritons)
    with SimilarityProcess(urls, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            query = pb.SearchQuery(image=IMAGE)
            calls = [stub.Search(pb.SearchRequest(query=query)) for _ in range(20)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            errors = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
            assert 1 <= len(errors) < len(results)
            for error in errors:
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                assert "of at most 3 images are in flight" in error.details()
                assert detail(error, error_details_pb2.RetryInfo).retry_delay.nanos > 0


async def test_silent_streams_lock_nobody_out(tritons, tmp_path):
    """There is room for two largest messages, and a stream may send one at any time."""
    flags = ("--max-message-bytes-in-flight", str(2 * 16 * 2**20), "--default-index", "colour")
    urls = ",".join(triton.http_url for triton in tritons)
    with SimilarityProcess(urls, tmp_path / "log", *flags) as service:
        service.wait_for_event("ready")
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            silent = [stub.SearchStream() for _ in range(2)]
            await silent[1].write(pb.SearchStreamRequest(query=pb.SearchQuery(image=IMAGE)))
            await silent[1].read()
            async with asyncio.timeout(30):
                query = pb.SearchQuery(image=IMAGE)
                for _ in range(3):
                    assert await stub.Search(pb.SearchRequest(query=query))
            assert await silent[0].code() is grpc.StatusCode.ABORTED
            silent[1].cancel()


async def test_a_shard_that_nobody_serves_is_named_and_never_left_out(tritons, tmp_path):
    """The service knows one of the two Tritons only: half of the shards."""
    flags = ("--default-index", "colour")
    with SimilarityProcess(tritons[0].http_url, tmp_path / "log", *flags) as service:
        service.wait_for_event("canary failed")  # not ready, and it says so
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            error = await failure(stub.Search(pb.SearchRequest(query=pb.SearchQuery(image=IMAGE))))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "the shard 'colour/00001' cannot be reached" in error.details()
            listed = (await stub.ListIndexes(pb.ListIndexesRequest())).indexes
            available = [shard.available for shard in listed[0].shards]
            assert available == [True, False, True, False, True, False, True]
            image = await stub.GetImage(pb.GetImageRequest(id=20))  # of the shard 00001
            assert np.array_equal(pixels(image.image.data), COLOUR[20])
