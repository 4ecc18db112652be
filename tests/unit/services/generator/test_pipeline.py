"""From an order to its message, while two versions of a model share the traffic."""

from typing import Any, cast

import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from prometheus_client import CollectorRegistry

from services.common.pictures.encoding import Encoder, Encoding, Format
from services.common.triton.traffic import Route
from services.generator.metrics import GeneratorMetrics
from services.generator.models import GeneratorModel, parse_model
from services.generator.pipeline import Pipeline
from services.generator.response import generate_response
from services.generator.types import Order, split
from tests.integration.tiny_models import GRAY
from tests.unit.services.generator.test_models import config

STABLE, CANDIDATE = (parse_model("dcgan", version, config(GRAY, version)) for version in (3, 4))
SIZE = STABLE.resolution


class OneRoute:
    """A catalogue of one model, whose traffic is divided."""

    def __init__(self, route: Route[GeneratorModel]) -> None:
        self.route = route

    async def run(self, name, work):
        return await work(self.route)


class Painter:
    """A batcher whose pictures show their version; remembers how many rows came at a time."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    async def infer(self, model, version, inputs, output):
        self.rows.append(len(inputs["z"]))
        return np.full((len(inputs["z"]), SIZE, SIZE, 1), version, np.uint8)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
async def test_each_seed_is_made_by_the_version_that_it_falls_to_and_says_so(share):
    route, painter = Route(STABLE, CANDIDATE, share), Painter()
    metrics = GeneratorMetrics(CollectorRegistry())
    pipeline = Pipeline(
        cast("Any", None),
        cast("Any", painter),
        cast("Any", OneRoute(route)),
        Encoder(1),
        metrics,
        sub_batch=4,
    )
    seeds = (*range(20), 3, 3)  # one may be asked for again
    order = Order("dcgan", seeds, encoding=Encoding(Format.RAW))
    message = generate_response(await pipeline.generate(order))
    assert (message.model, message.model_version) == ("dcgan", 3)
    assert [one.seed for one in message.images] == list(seeds)
    for one in message.images:
        assert one.model_version == route.of(one.seed).version
        assert one.image.data == bytes([one.model_version]) * SIZE * SIZE
        assert (one.image.width, one.image.height, one.image.channels) == (SIZE, SIZE, 1)
        assert one.image.format == image_pb2.IMAGE_FORMAT_RAW
    assert {one.model_version for one in message.images} == {0: {3}, 0.5: {3, 4}, 1: {4}}[share]
    assert max(painter.rows) == 4 and sum(painter.rows) == len(seeds)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 2**32 - 1])
def test_sub_batches_follow_each_other_without_making_all_seeds(count):
    order = Order("dcgan", range(5, 5 + count))
    parts = split(order, 8)
    first = next(parts)
    assert first.seeds == range(5, 5 + min(8, count))
    if count > 8:
        assert next(parts).seeds == range(13, min(21, 5 + count))
