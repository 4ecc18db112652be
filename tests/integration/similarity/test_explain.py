"""Explain against scikit-image's full map; ListIndexes; GetImage."""

import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from skimage.metrics import structural_similarity

from animegan_search.ssim.index import Index
from tests.integration.similarity.material import COLOUR, HELDOUT, SIZE, pixels, png


def picture(image: np.ndarray) -> image_pb2.Image:
    return image_pb2.Image(data=png(image))


async def test_the_map_of_a_query_and_an_indexed_image(stub):
    answer = await stub.Explain(pb.ExplainRequest(image=picture(HELDOUT[1]), id=42))
    ssim, full = structural_similarity(
        HELDOUT[1], COLOUR[42], channel_axis=2, data_range=255, full=True
    )
    values = np.reshape(answer.values, (answer.height, answer.width, answer.channels))
    assert np.allclose(values, full, atol=1e-6)
    assert answer.ssim == pytest.approx(ssim, abs=1e-12)
    assert np.mean(answer.channel_ssim) == pytest.approx(ssim, abs=1e-12)
    assert np.array_equal(pixels(answer.query.data), HELDOUT[1])
    assert np.array_equal(pixels(answer.reference.data), COLOUR[42])
    assert not answer.HasField("other_preparation")
    assert pixels(answer.heatmap.data).shape == (256, 256, 3)


async def test_the_score_is_the_one_that_search_finds(stub):
    image = picture(HELDOUT[2])
    found = await stub.Search(pb.SearchRequest(query=pb.SearchQuery(image=image, k=1)))
    (match,) = found.result.matches
    answer = await stub.Explain(pb.ExplainRequest(image=image, id=match.id))
    assert answer.ssim == pytest.approx(match.ssim, abs=1e-12)


async def test_two_pictures_that_are_sent(stub):
    larger = np.kron(HELDOUT[3], np.ones((3, 3, 1), np.uint8))
    answer = await stub.Explain(
        pb.ExplainRequest(image=picture(HELDOUT[3]), other_image=picture(larger))
    )
    assert not answer.preparation.steps
    assert answer.other_preparation.steps == [pb.PREPARATION_STEP_RESIZED]
    equal = await stub.Explain(
        pb.ExplainRequest(image=picture(HELDOUT[3]), other_image=picture(HELDOUT[3]))
    )
    assert equal.ssim == 1
    yellow = pixels(equal.heatmap.data).reshape(-1, 3)
    assert (yellow == (253, 231, 37)).all()


async def test_indexes_are_listed_as_they_are_on_the_disk(stub, indexes):
    listed = (await stub.ListIndexes(pb.ListIndexesRequest())).indexes
    assert [index.name for index in listed] == ["colour", "grey"]
    assert [index.is_default for index in listed] == [True, False]
    colour, grey = listed
    assert colour.digest == Index.open(indexes / "colour").digest
    assert (colour.definition, grey.definition) == ("uniform7", "gaussian")
    assert (colour.count, colour.height, colour.width, colour.channels) == (100, SIZE, SIZE, 3)
    assert grey.channels == 1
    assert sum(shard.count for shard in colour.shards) == 100
    assert len(colour.shards) == 7
    assert all(shard.available for index in listed for shard in index.shards)
    (source,) = colour.sources
    assert (source.licence, source.first_id, source.count) == ("CC0-1.0", 0, 100)
    assert colour.calibration.count == 120
    assert 0 < colour.calibration.threshold < 1
    assert colour.calibration.false_alarm_low < 0.01 < colour.calibration.false_alarm_high
    assert not grey.HasField("calibration")


async def test_an_indexed_image_comes_back_to_the_pixel(stub):
    answer = await stub.GetImage(pb.GetImageRequest(id=99))
    assert (answer.index, answer.id) == ("colour", 99)
    assert np.array_equal(pixels(answer.image.data), COLOUR[99])
