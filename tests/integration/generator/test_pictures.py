"""The pictures that callers get are those of the model, whatever way they are asked for."""

from io import BytesIO

import numpy as np
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.image.v1 import image_pb2
from PIL import Image

from tests.integration.generator import reference
from tests.integration.tiny_models import GRAY, NOISY, STYLEGAN

SEEDS = [0, 1, 2**63, 2**64 - 1, 7, 7]
N = len(SEEDS)


def column(value: float) -> np.ndarray:
    return np.full((N, 1), value, np.float32)


def onnx_file(model_repository, model):
    return model_repository / model.name / "1" / "model.onnx"


async def pictures(stub, **fields) -> np.ndarray:
    answer = await stub.Generate(pb.GenerateRequest(seeds=SEEDS, **fields))
    assert [image.seed for image in answer.images] == SEEDS
    return np.stack([reference.decoded(image) for image in answer.images])


@pytest.mark.parametrize(("chosen", "used"), [(None, 0.7), (0.0, 0.0), (1.5, 1.5)])
async def test_equal_to_onnx_runtime_in_process(stub, model_repository, chosen, used):
    expected = reference.images(
        onnx_file(model_repository, STYLEGAN), SEEDS, truncation=column(used)
    )
    assert np.array_equal(await pictures(stub, truncation=chosen), expected)


async def test_a_grey_model_without_truncation(stub, model_repository):
    expected = reference.images(onnx_file(model_repository, GRAY), SEEDS)
    assert expected.shape == (N, 64, 64, 1)
    assert np.array_equal(await pictures(stub, model=GRAY.name), expected)


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        (pb.NOISE_MODE_UNSPECIFIED, [2 << 64] * N),
        (pb.NOISE_MODE_CONSTANT, [2 << 64] * N),
        (pb.NOISE_MODE_RANDOM, [1 << 64 | seed for seed in SEEDS]),
        (pb.NOISE_MODE_NONE, None),
    ],
)
async def test_noise_modes(stub, model_repository, mode, keys):
    shape = (N, NOISY.noise_size)
    noise = np.stack([reference.philox_normal(key, shape[1]) for key in keys]) if keys else None
    expected = reference.images(
        onnx_file(model_repository, NOISY),
        SEEDS,
        truncation=column(0.7),
        noise=np.zeros(shape, np.float32) if noise is None else noise,
    )
    assert np.array_equal(await pictures(stub, model=NOISY.name, noise_mode=mode), expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["PNG", "WEBP", "JPEG", "RAW"])
async def test_formats(stub, name, channels):
    kind = image_pb2.ImageFormat.Value(f"IMAGE_FORMAT_{name}")
    model = {1: GRAY, 3: STYLEGAN}[channels].name
    raw, encoded = [
        (await stub.Generate(pb.GenerateRequest(model=model, seeds=[5], format=f))).images[0].image
        for f in (image_pb2.IMAGE_FORMAT_RAW, kind)
    ]
    assert (encoded.format, encoded.width, encoded.height) == (kind, 64, 64)
    assert encoded.channels == channels
    pixels = np.frombuffer(raw.data, np.uint8).reshape(64, 64, channels)
    if name == "RAW":
        assert encoded.data == raw.data
        return
    with Image.open(BytesIO(encoded.data)) as picture:
        assert (picture.format, picture.size) == (name, (64, 64))
        difference = np.atleast_3d(np.asarray(picture)).astype(int) - pixels
    assert np.abs(difference).max() == 0 or (name == "JPEG" and np.abs(difference).mean() < 10)


async def test_a_stream_holds_the_same_bytes_in_order(stub):
    unary = await stub.Generate(pb.GenerateRequest(count=100, base_seed=50))
    request = pb.GenerateStreamRequest(count=100, base_seed=50)
    messages = [message async for message in stub.GenerateStream(request)]
    assert [image for message in messages for image in message.images] == list(unary.images)
    assert {(m.model, m.model_version) for m in messages} == {("stylegan", 1)}
    assert len(messages) > 1


async def test_models_are_listed_as_their_cards_describe_them(stub):
    models = (await stub.ListModels(pb.ListModelsRequest())).models
    assert [model.name for model in models] == sorted([STYLEGAN.name, NOISY.name, GRAY.name])
    assert [model.name for model in models if model.is_default] == ["stylegan"]
    by_name = {model.name: model for model in models}
    stylegan, gray = by_name[STYLEGAN.name], by_name[GRAY.name]
    assert (stylegan.version, stylegan.kind, stylegan.resolution) == (1, "stylegan2", 64)
    assert (stylegan.channels, stylegan.z_dim, stylegan.supports_truncation) == (3, 128, True)
    assert stylegan.default_truncation == pytest.approx(0.7)
    assert (stylegan.licence, stylegan.dataset) == ("Apache-2.0", "none")
    assert dict(stylegan.metrics) == {"kid_x1000": 1.5}
    assert (gray.channels, gray.supports_truncation, gray.kind) == (1, False, "dcgan")
    assert list(gray.noise_modes) == [pb.NOISE_MODE_CONSTANT, pb.NOISE_MODE_NONE]
    assert pb.NOISE_MODE_RANDOM in by_name[NOISY.name].noise_modes
