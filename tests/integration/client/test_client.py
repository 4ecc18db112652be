"""Both clients against the real service."""

import json
from contextlib import aclosing, closing

import pytest
from PIL import ImageChops

from animegan_client import (
    AsyncGeneratorClient,
    GeneratorClient,
    InvalidArgumentError,
    NotFoundError,
)
from animegan_client.generator import messages

SEEDS = [1, 2**64 - 1, 7, 1]


@pytest.fixture
def client(target):
    with GeneratorClient(target) as client:
        yield client


def test_pictures_come_in_the_order_of_their_seeds(client):
    result = client.generate(seeds=SEEDS)
    assert [image.seed for image in result.images] == SEEDS
    assert {(image.model, image.model_version) for image in result.images} == {("stylegan", 1)}
    assert result.images[0].data == result.images[3].data
    assert len({image.data for image in result.images}) == 3


async def test_both_clients_and_both_methods_give_the_same_bytes(client, target):
    unary = [image.data for image in client.generate(seeds=SEEDS).images]
    with closing(client.generate_stream(seeds=SEEDS)) as stream:
        assert [image.data for image in stream] == unary
    async with AsyncGeneratorClient(target) as other:
        result = await other.generate(seeds=SEEDS)
        assert [image.data for image in result.images] == unary
        async with aclosing(other.generate_stream(seeds=SEEDS)) as pictures:
            assert [image.data async for image in pictures] == unary
        assert await other.list_models() == client.list_models()


def test_a_count_is_a_run_of_seeds(client):
    counted = client.generate(count=3, base_seed=40).images
    assert counted == client.generate(seeds=[40, 41, 42]).images


def test_a_long_stream_is_asked_for_in_parts_and_shows_no_seam(client, monkeypatch):
    monkeypatch.setattr(messages, "SEEDS_PER_CALL", 5)
    expected = client.generate(seeds=range(13)).images
    assert tuple(client.generate_stream(seeds=iter(range(13)))) == expected
    assert tuple(client.generate_stream(count=13)) == expected


def test_every_format_holds_the_same_picture(client):
    raw, png, webp = (
        client.generate(seeds=[3], format=name).images[0] for name in ("raw", "png", "webp")
    )
    assert len(raw.data) == raw.width * raw.height * raw.channels
    for lossless in (png, webp):
        assert lossless.data != raw.data
        assert not ImageChops.difference(raw.to_pil(), lossless.to_pil()).getbbox()
    (jpeg,) = client.generate(seeds=[3], format="jpeg", quality=90).images
    assert jpeg.to_pil().format == "JPEG"


def test_options_change_the_picture(client):
    (plain,) = client.generate(seeds=[3]).images
    (average,) = client.generate(seeds=[3], truncation=0).images
    (grey,) = client.generate(seeds=[3], model="dcgan_gray").images
    assert average.data != plain.data
    assert (grey.model, grey.channels, grey.to_pil().mode) == ("dcgan_gray", 1, "L")


def test_models_are_as_their_cards_say(client, model_repository):
    models = client.list_models()
    assert [model.name for model in models] == sorted(
        folder.name for folder in model_repository.iterdir()
    )
    for model in models:
        folder = model_repository / model.name / str(model.version)
        card = json.loads((folder / "model_card.json").read_text())
        assert model.model_sha256 == card["files"]["model.onnx"]["sha256"]
        assert (model.kind, model.resolution, model.channels, model.z_dim) == (
            card["kind"], card["resolution"], card["channels"], card["z_dim"],
        )  # fmt: skip
        assert model.metrics == card["metrics"]
        assert model.is_default == (model.name == "stylegan")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "count"),
        ({"count": 257}, "count"),
        ({"seeds": [1], "count": 1}, "count"),
        ({"seeds": [1], "truncation": 2.5}, "truncation"),
        ({"seeds": [1], "truncation": float("nan")}, "truncation"),
        ({"seeds": [1], "quality": 101, "format": "jpeg"}, "quality"),
        ({"seeds": [1], "noise_mode": "random"}, "noise_mode"),
    ],
)
def test_what_the_service_refuses_is_named(client, options, field):
    with pytest.raises(InvalidArgumentError) as caught:
        client.generate(**options)
    assert [violation.field for violation in caught.value.violations] == [field]
    assert caught.value.request_id


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(NotFoundError, match="stylegan"):
        client.generate(seeds=[1], model="cubist")


def test_a_stream_of_nothing_is_refused_too(client):
    with pytest.raises(InvalidArgumentError):
        next(client.generate_stream(seeds=[]))
