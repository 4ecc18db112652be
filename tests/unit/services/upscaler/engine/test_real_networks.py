"""The networks of models/, as ONNX Runtime runs them: a picture in tiles against the whole one."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.upscaler.decoding import Picture
from services.upscaler.engine.enlarge import is_exact
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.models import make_plan
from services.upscaler.types import Method, Options, Plan, UpscalerModel
from tests.unit.services.upscaler.engine.stand_in import WHOLE, collected, model

MODELS = Path(__file__).parents[5] / "models"
LOCAL = ["upscale_compact_2x", "upscale_upconv7_2x"]
POOLING = ["upscale_cunet_2x", "upscale_cunet_1x_noise1"]

sides = st.sampled_from([1, 2, 3, 31, 64, 65, 90])
seeds = st.integers(0, 2**16)


@cache
def network(name: str) -> UpscalerModel:
    card = json.loads((MODELS / name / "1" / "model_card.json").read_text("utf-8"))
    return model(
        card["scale"], card["margin"], card["alignment"], pools_globally=card["pools_globally"]
    )


@cache
def session(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    file = MODELS / name / "1" / "model.onnx"
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def infer_by(name: str):
    async def infer(model: UpscalerModel, tiles: np.ndarray) -> np.ndarray:
        return session(name).run(["upscaled"], {"image": tiles})[0]

    return infer


def drawing(height: int, width: int, seed: int) -> Picture:
    """Lines and discs on flat colours, and some noise: edges of any direction, any level."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    pixels = np.full((height, width, 3), rng.integers(0, 256, 3))
    for _ in range(12):
        top, left, radius = rng.uniform(-10, 100, 3)
        distance = np.hypot(y - top, x - left)
        inside = distance < radius if rng.random() < 0.5 else np.abs(distance - radius) < 1.5
        pixels[inside] = rng.integers(0, 256, 3)
    noise = rng.integers(-3, 4, pixels.shape)
    return Picture((pixels + noise).clip(0, 255).astype(np.uint8))


def plan_of(name: str, picture: Picture, passes: int = 1, *, tta: bool = False) -> Plan:
    scale = network(name).scale ** passes
    size = (picture.width * scale, picture.height * scale)
    return Plan((network(name),) * passes, None, *size, tta=tta)


def levels_apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other)


@pytest.mark.parametrize("name", LOCAL)
@given(sides, sides, seeds, st.integers(2, 32))
@settings(max_examples=12, deadline=None)
async def test_tiles_equal_the_whole_within_a_level(name, height, width, seed, kept):
    picture = drawing(height, width, seed)
    plan, infer = plan_of(name, picture), infer_by(name)
    whole = (await infer(network(name), picture.pixels[np.newaxis]))[0]
    tiles = TileSettings(side=2 * network(name).margin + kept)
    assert levels_apart(await collected(picture, plan, tiles, infer), whole).max() <= 1


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("size", [(1, 300), (300, 1), (71, 93)])
async def test_two_passes_in_tiles_equal_two_passes_over_the_whole(name, size):
    picture = drawing(*size, seed=0)
    plan, infer = plan_of(name, picture, passes=2), infer_by(name)
    whole = picture.pixels[np.newaxis]
    for each in plan.passes:
        whole = await infer(each, whole)
    tiled = await collected(picture, plan, TileSettings(side=48), infer)
    apart = levels_apart(tiled, whole[0])
    # What the first pass rounds the other way, the second one may double.
    assert apart.max() <= 2
    assert np.mean(apart > 1) < 1e-4


@given(sides, sides, seeds, st.floats(1, 8))
@settings(max_examples=10, deadline=None)
async def test_any_factor(height, width, seed, factor):
    """Up to three passes and Lanczos' filter: of the planned size, and in tiles as in one piece."""
    height, width = min(height, 20), min(width, 20)
    name = "upscale_compact_2x"
    picture = drawing(height, width, seed)
    method = Method("compact", [network(name)])
    plan = make_plan(method, Options(scale=factor), width, height)
    tiled = await collected(picture, plan, TileSettings(side=40), infer_by(name))
    assert tiled.shape == (plan.height, plan.width, 3)
    assert plan.width == max(1, int(width * factor + 0.5))
    assert levels_apart(tiled, await collected(picture, plan, WHOLE, infer_by(name))).max() <= 1


async def test_augmentation_is_the_mean_over_eight_views():
    name = "upscale_compact_2x"
    picture = drawing(40, 61, seed=1)
    views = []
    for turns in range(4):
        for mirrored in (False, True):
            view = np.rot90(picture.pixels, turns)
            view = np.ascontiguousarray(view[:, ::-1] if mirrored else view)
            large = (await infer_by(name)(network(name), view[np.newaxis]))[0]
            views.append(np.rot90(large[:, ::-1] if mirrored else large, -turns).astype(float))
    plan = plan_of(name, picture, tta=True)
    result = await collected(picture, plan, TileSettings(side=40), infer_by(name))
    assert levels_apart(result, np.floor(np.mean(views, axis=0) + 0.5)).max() <= 1


@pytest.mark.parametrize("name", POOLING)
async def test_what_pools_globally_gets_the_whole_picture_while_it_fits(name):
    picture = drawing(71, 93, seed=2)
    whole = (await infer_by(name)(network(name), picture.pixels[np.newaxis]))[0]
    plan = plan_of(name, picture)
    small_tiles = TileSettings(side=80, whole_pixels=71 * 93)
    assert np.array_equal(await collected(picture, plan, small_tiles, infer_by(name)), whole)


@pytest.mark.parametrize("name", POOLING)
async def test_what_pools_globally_differs_in_tiles(name):
    """What `tiles_differ` tells callers; docs/upscaling/tiles.md has figures of drawings."""
    busy = np.random.default_rng(3).integers(0, 256, (80, 60, 3), np.uint8)
    picture = Picture(np.concatenate([np.full_like(busy, 255), busy], axis=1))
    plan = plan_of(name, picture)
    tiles = TileSettings(side=80, whole_pixels=1)
    apart = levels_apart(
        await collected(picture, plan, tiles, infer_by(name)),
        await collected(picture, plan, WHOLE, infer_by(name)),
    )
    assert not is_exact(plan, 80, 120, tiles)
    assert apart.max() > 1
