"""What enlarging takes beside the picture follows its width and the tiles, not its height."""

import tracemalloc

import numpy as np
import pytest

from services.common.pictures.encoding import Encoding, Format
from services.upscaler.decoding import Picture
from services.upscaler.engine.enlarge import enlarge
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.strip_encoding import strip_encoder
from services.upscaler.types import Filter, Plan
from tests.unit.services.upscaler.engine.stand_in import infer, model

WIDTH = 200
TILES = TileSettings(side=96, in_flight=4)


async def peak_bytes(height: int, plan: Plan) -> int:
    """The most that NumPy and Python held at a time while a picture became a PNG file."""
    rows = np.arange(height * WIDTH * 3, dtype=np.uint32)
    picture = Picture((rows * 2654435761 >> 24).astype(np.uint8).reshape(height, WIDTH, 3))
    encoder = strip_encoder(
        Encoding(Format.PNG), (plan.height, plan.width, 3), max_collected_pixels=0
    )
    tracemalloc.start()
    try:
        async for strip in enlarge(picture, plan, infer, TILES):
            encoder.add(strip)
        encoder.finish()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def twice(height: int) -> Plan:
    return Plan((model(),), None, 2 * WIDTH, 2 * height, tta=False)


def thrice(height: int) -> Plan:
    return Plan((model(), model()), Filter.LANCZOS, 3 * WIDTH, 3 * height, tta=False)


@pytest.mark.parametrize("plan_for", [twice, thrice])
async def test_height_costs_no_memory(plan_for):
    """Eight times as high: hardly more. How many tiles wait at a time differs from run to run, by
    less than a quarter of what only the answer's further rows would take."""
    low, high = plan_for(464), plan_for(8 * 464)
    further_bytes = (high.height - low.height) * high.width * 3
    more = await peak_bytes(8 * 464, high) - await peak_bytes(464, low)
    assert more < further_bytes / 4
