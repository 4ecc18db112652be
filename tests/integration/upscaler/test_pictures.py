"""What the service makes of pictures, against in-process ONNX Runtime and Pillow."""

import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb
from PIL import Image

from tests.integration.upscaler.material import FILTERS, MODELS, noise, pixels, request, run

TINY, NOISE, DENOISER, OTHER, OTHER_DENOISER = MODELS


@pytest.mark.parametrize("shape", [(64, 64), (1, 1), (37, 61), (3, 500), (300, 270)])
async def test_a_picture_equals_in_process_onnx_runtime(stub, shape):
    """The last two are cut into tiles."""
    image = noise(*shape)
    answer = await stub.Upscale(request(image))
    assert np.array_equal(pixels(answer.image.data), run(TINY, image))
    assert (answer.image.width, answer.image.height) == (2 * shape[1], 2 * shape[0])
    assert (answer.image.format, answer.image.channels) == (image_pb2.IMAGE_FORMAT_PNG, 3)
    assert answer.provenance == pb.Provenance(
        method="tiny",
        passes=[pb.Pass(model="upscale_tiny_2x", version=1)],
        source_format="PNG",
        source_width=shape[1],
        source_height=shape[0],
    )


@pytest.mark.parametrize(
    ("options", "models"),
    [
        ({"scale": 4}, [TINY, TINY]),
        ({"scale": 8}, [TINY, TINY, TINY]),
        ({"scale": 1, "noise": 1}, [DENOISER]),
        ({"noise": 1}, [NOISE]),
        ({"scale": 4, "noise": 1}, [NOISE, TINY]),
        ({"scale": 4, "noise": 0, "method": "other"}, [OTHER_DENOISER, OTHER, OTHER]),
        ({"scale": 1}, []),
    ],
)
async def test_passes_follow_each_other(stub, options, models):
    expected = image = noise(40, 30)
    for model in models:
        expected = run(model, expected)
    answer = await stub.Upscale(request(image, **options))
    assert [step.model for step in answer.provenance.passes] == [model.name for model in models]
    assert answer.provenance.filter == ""
    assert np.array_equal(pixels(answer.image.data), expected)


async def test_a_factor_between_is_resampled_from_the_next_pass(stub):
    image = noise(40, 30)
    answer = await stub.Upscale(request(image, scale=3))
    assert len(answer.provenance.passes) == 2
    assert answer.provenance.filter == "lanczos"
    assert pixels(answer.image.data).shape == (120, 90, 3)


@pytest.mark.parametrize("name", FILTERS)
async def test_filters_are_pillows(stub, name):
    image = noise(40, 30)
    answer = await stub.Upscale(request(image, method=name, scale=2.5))
    expected = Image.fromarray(image).resize((75, 100), Image.Resampling[name.upper()])
    difference = pixels(answer.image.data).astype(int) - np.asarray(expected)
    assert abs(difference).max() <= 1
    assert (answer.provenance.method, answer.provenance.filter) == (name, name)


async def test_augmentation_is_the_mean_over_flips_and_turns(stub):
    image = noise(20, 30)
    views = []
    for turns in range(4):
        for flipped in (False, True):
            view = np.rot90(image, turns)
            large = run(TINY, np.ascontiguousarray(view[:, ::-1] if flipped else view))
            views.append(np.rot90(large[:, ::-1] if flipped else large, -turns))
    answer = await stub.Upscale(request(image, test_time_augmentation=True))
    difference = pixels(answer.image.data) - np.mean(views, axis=0)
    assert abs(difference).max() <= 0.5


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
async def test_raw_pixels_in_and_out(stub, channels):
    image = noise(9, 7, channels)
    raw = image_pb2.Image(
        format=image_pb2.IMAGE_FORMAT_RAW,
        width=7,
        height=9,
        channels=channels,
        data=image.tobytes(),
    )
    options = pb.UpscaleOptions(format=image_pb2.IMAGE_FORMAT_RAW, scale=1)
    answer = await stub.Upscale(pb.UpscaleRequest(image=raw, options=options))
    assert answer.image == raw
    assert answer.provenance.source_format == "RAW"


@pytest.mark.parametrize(("name", "number"), [("PNG", 1), ("WEBP", 2), ("JPEG", 3)])
async def test_formats(stub, name, number):
    image = noise(32, 32)
    answer = await stub.Upscale(request(image, format=number))
    difference = pixels(answer.image.data).astype(int) - run(TINY, image)
    assert abs(difference).max() <= (0 if name != "JPEG" else 255)
    assert answer.image.format == number
