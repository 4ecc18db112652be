"""Search against scikit-image: every match, every score, over seven shards and two Tritons."""

import asyncio
from io import BytesIO

import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from PIL import Image

from animegan_search.ssim.index import Index
from tests.integration.similarity.material import (
    COLOUR,
    GREY,
    HELDOUT,
    SIZE,
    gaussian,
    pixels,
    png,
    uniform7,
)
from tests.unit.search.ssim.index.material import noise

QUERY = HELDOUT[0]


def query(picture: np.ndarray = QUERY, **fields) -> pb.SearchQuery:
    return pb.SearchQuery(image=image_pb2.Image(data=png(picture)), **fields)


async def search(stub, query: pb.SearchQuery) -> pb.SearchResult:
    return (await stub.Search(pb.SearchRequest(query=query))).result


async def test_every_number_is_scikit_images(stub):
    expected = np.array([uniform7(QUERY, image) for image in COLOUR])
    result = await search(stub, query(k=100, include_scores=True))

    order = np.lexsort((np.arange(100), -expected))
    assert [match.id for match in result.matches] == order.tolist()
    assert np.allclose([match.ssim for match in result.matches], expected[order], atol=1e-9)
    assert list(result.score_ids) == list(range(100))
    assert np.allclose(result.scores, expected, atol=1e-6)
    assert result.count == 100
    assert result.mean == pytest.approx(expected.mean(), abs=1e-6)
    histogram, _ = np.histogram(expected, 1000, (-1, 1))
    moved = np.abs(np.cumsum(np.array(result.histogram) - histogram))
    assert moved.max() <= 1  # a score may lie within 1e-6 of a bin's border
    for quantile in result.quantiles:
        exact = np.quantile(expected, quantile.share, method="inverted_cdf")
        assert quantile.ssim == pytest.approx(exact, abs=0.002)
    assert [quantile.share for quantile in result.quantiles] == [
        0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99
    ]  # fmt: skip


async def test_a_grey_index_with_the_other_definition(stub):
    shade = GREY[7]
    expected = [gaussian(shade, image) for image in GREY]
    result = await search(stub, query(shade, index="grey", k=3, definition="gaussian"))
    assert [match.id for match in result.matches] == np.argsort(expected)[::-1][:3].tolist()
    assert result.definition == "gaussian"
    assert not result.HasField("verdict")  # it is not calibrated
    assert not result.preparation.steps

    coloured = await search(stub, query(index="grey"))
    assert coloured.preparation.steps == [pb.PREPARATION_STEP_CONVERTED]


@pytest.mark.parametrize(("k", "found"), [(None, 4), (1, 1), (100, 100), (1000, 100)])
async def test_k(stub, k, found):
    result = await search(stub, query(k=k))
    assert len(result.matches) == found
    scores = [match.ssim for match in result.matches]
    assert scores == sorted(scores, reverse=True)


async def test_a_training_image_is_a_copy_and_an_unseen_one_is_not(stub, indexes):
    copy = await search(stub, query(COLOUR[37]))
    assert (copy.matches[0].id, copy.matches[0].ssim) == (37, pytest.approx(1, abs=1e-12))
    assert not copy.verdict.original
    assert copy.verdict.p_value == pytest.approx(1 / 121)

    unseen = await search(stub, query(noise(1, seed=99, size=SIZE)[0], false_alarm_rate=0.05))
    maxima = Index.open(indexes / "colour").calibration.maxima
    assert unseen.verdict.original
    closer = int((maxima >= unseen.matches[0].ssim).sum())
    assert unseen.verdict.p_value == pytest.approx((1 + closer) / 121)
    assert unseen.verdict.false_alarm_rate == 0.05
    assert unseen.verdict.threshold == maxima[-6]  # 6 / 121 is the largest p-value up to 0.05


async def test_thumbnails_are_the_indexed_images(stub):
    result = await search(stub, query(thumbnail_format=image_pb2.IMAGE_FORMAT_WEBP))
    for match in result.matches:
        assert match.thumbnail.format == image_pb2.IMAGE_FORMAT_WEBP
        assert np.array_equal(pixels(match.thumbnail.data), COLOUR[match.id])
    without = await search(stub, query(omit_thumbnails=True))
    assert not any(match.HasField("thumbnail") for match in without.matches)
    assert [match.id for match in without.matches] == [match.id for match in result.matches]


@pytest.mark.parametrize("name", ["PNG", "WEBP", "BMP", "TIFF"])
async def test_lossless_formats_find_the_very_image(stub, name):
    file = BytesIO()
    Image.fromarray(COLOUR[5]).save(file, name, **({"lossless": True} if name == "WEBP" else {}))
    picture = pb.SearchQuery(image=image_pb2.Image(data=file.getvalue()))
    result = await search(stub, picture)
    assert (result.matches[0].id, result.preparation.source_format) == (5, name)
    assert result.matches[0].ssim == pytest.approx(1, abs=1e-12)


async def test_raw_pixels_and_what_is_done_to_other_sizes(stub):
    height, width = 40, 32
    raw = image_pb2.Image(
        format=image_pb2.IMAGE_FORMAT_RAW, width=width, height=height, channels=3,
        data=bytes(height * width * 3),
    )  # fmt: skip
    preparation = (await search(stub, pb.SearchQuery(image=raw))).preparation
    assert preparation.source_format == "RAW"
    assert (preparation.source_width, preparation.source_height) == (width, height)
    assert preparation.steps == [pb.PREPARATION_STEP_CROPPED, pb.PREPARATION_STEP_RESIZED]


async def test_concurrent_calls_stay_apart(stub):
    """64 callers of different k and pictures: no mixed-up answer."""
    results = await asyncio.gather(
        *(search(stub, query(COLOUR[i], k=1 + i % 5)) for i in range(64))
    )
    assert [result.matches[0].id for result in results] == list(range(64))
    assert [len(result.matches) for result in results] == [1 + i % 5 for i in range(64)]
