"""The clients against the real service."""

from contextlib import aclosing, closing

import numpy as np
import pytest
from PIL import Image

from animegan_client import (
    AsyncUpscalerClient,
    EncodedImage,
    Failure,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
    UpscalerClient,
)
from animegan_client.upscaler.types import Progress
from tests.integration.upscaler.material import CALLS, MODELS, noise, pixels, png, run

TINY = MODELS[0]
SMALL, LARGE = noise(20, 30), noise(1100, 1100)  # enlarged, the second is over a unary call


@pytest.fixture
def client(service):
    with UpscalerClient(service.target) as client:
        yield client


def test_whatever_a_picture_is(client, tmp_path):
    (tmp_path / "small.png").write_bytes(png(SMALL))
    raw = EncodedImage("raw", 30, 20, 3, SMALL.tobytes())
    for picture in (
        png(SMALL), tmp_path / "small.png", str(tmp_path / "small.png"), Image.fromarray(SMALL), raw
    ):  # fmt: skip
        result = client.upscale(picture)
        assert np.array_equal(np.asarray(result.image.to_pil()), run(TINY, SMALL))
        assert result.provenance.passes == (("upscale_tiny_2x", 1),)
    with pytest.raises(TypeError, match="int is no picture"):
        client.upscale(3)
    with pytest.raises(TypeError, match="unknown options: size"):
        client.upscale(raw, size=3)


def test_transparent_pictures_come_back_raw(client):
    image = noise(5, 6, 4)
    raw = EncodedImage("raw", 6, 5, 4, image.tobytes())
    result = client.upscale(raw, format="raw", scale=1)
    assert result.image == raw
    assert np.array_equal(np.asarray(result.image.to_pil()), image)


def test_small_pictures_go_in_one_message_and_large_ones_in_pieces(client, service):
    def calls(method: str) -> float:
        return service.metric(CALLS, method=method, code="OK")

    unary, streams = calls("Upscale"), calls("UpscaleStream")
    told: list[Progress] = []
    client.upscale(png(SMALL), progress=told.append)
    assert (calls("Upscale"), calls("UpscaleStream"), told) == (unary + 1, streams, [])
    large = client.upscale(png(LARGE), progress=told.append, method="nearest", format="raw")
    assert (calls("Upscale"), calls("UpscaleStream")) == (unary + 1, streams + 1)
    assert large.image.data == LARGE.repeat(2, axis=0).repeat(2, axis=1).tobytes()
    assert (told[0].stage, told[-1]) == ("reading", Progress(1.0, "enlarging"))


def test_a_file_appears_when_it_is_complete_or_not_at_all(client, tmp_path):
    out = tmp_path / "new" / "large.png"
    seen = []
    saved = client.upscale_to_file(
        png(SMALL), out, progress=lambda _: seen.append(out.exists()), scale=4
    )
    assert not any(seen)
    assert (saved.width, saved.height, saved.size_bytes) == (120, 80, out.stat().st_size)
    assert np.array_equal(pixels(out.read_bytes()), run(TINY, run(TINY, SMALL)))
    with pytest.raises(InvalidArgumentError, match=r"chunk: .*no picture that can be read"):
        client.upscale_to_file(b"nonsense", tmp_path / "new" / "other.png")
    assert list(out.parent.iterdir()) == [out]


def test_many_in_one_stream_of_which_one_is_broken(client):
    files = [png(noise(9, 9, seed=i)) for i in range(20)]
    files[7] = files[7][:-30]
    results = list(client.upscale_all(files, noise=1))
    for i, result in enumerate(results):
        if i == 7:
            assert isinstance(result, Failure)
            assert isinstance(result.error, InvalidArgumentError)
            assert result.error.violations[0].field == "chunk"
        else:
            assert np.array_equal(pixels(result.image.data), run(MODELS[1], noise(9, 9, seed=i)))


def test_a_stream_that_is_left_ends_its_call(client, service):
    cancelled = service.metric(CALLS, method="UpscaleStream", code="CANCELLED")

    def endless():
        while True:
            yield png(SMALL)

    with closing(client.upscale_all(endless())) as results:
        next(results)
    for _ in range(1000):
        if service.metric(CALLS, method="UpscaleStream", code="CANCELLED") == cancelled + 1:
            break
    else:
        pytest.fail("the call goes on")


def test_a_file_that_is_missing_is_told_as_such(client, tmp_path):
    results = client.upscale_all([png(SMALL), tmp_path / "missing.png"])
    next(results)
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        next(results)
    with pytest.raises(FileNotFoundError):
        client.upscale(tmp_path / "missing.png")


def test_errors(client, tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"options\.scale: 9 is not within 1 and 8"):
        client.upscale(png(SMALL), scale=9)
    with pytest.raises(NotFoundError, match="there are: other, tiny, nearest"):
        client.upscale(png(SMALL), method="magic")
    with (
        UpscalerClient("127.0.0.1:9") as nobody,
        pytest.raises(UnavailableError),
    ):
        nobody.upscale_to_file(png(SMALL), tmp_path / "never.png", timeout=5)


def test_methods(client):
    methods = {method.name: method for method in client.list_methods()}
    assert list(methods) == ["other", "tiny", "nearest", "bilinear", "bicubic", "lanczos"]
    assert [name for name, method in methods.items() if method.is_default] == ["tiny"]
    assert [name for name, method in methods.items() if not method.is_filter] == ["other", "tiny"]
    assert [(m.scale, m.noise) for m in methods["tiny"].models] == [(1, 1), (2, -1), (2, 1)]
    model = methods["tiny"].models[1]
    assert (model.name, model.version, model.margin) == ("upscale_tiny_2x", 1, 1)
    assert model.metrics == {"psnr": 30.5}


async def test_the_asyncio_client_is_its_twin(service, tmp_path):
    told: list[Progress] = []
    async with AsyncUpscalerClient(service.target) as client:
        small = await client.upscale(png(SMALL))
        assert np.array_equal(pixels(small.image.data), run(TINY, SMALL))
        large = await client.upscale(
            png(LARGE), progress=told.append, method="nearest", format="raw"
        )
        assert large.image.data == LARGE.repeat(2, axis=0).repeat(2, axis=1).tobytes()
        assert told[-1].fraction == 1
        saved = await client.upscale_to_file(Image.fromarray(SMALL), tmp_path / "large.png")
        assert saved.size_bytes == (tmp_path / "large.png").stat().st_size

        async def files():
            yield png(SMALL)
            yield b"nonsense"
            yield png(SMALL)

        async with aclosing(client.upscale_all(files())) as results:
            kinds = [isinstance(result, Failure) async for result in results]
        assert kinds == [False, True, False]
        with pytest.raises(FileNotFoundError):
            _ = [one async for one in client.upscale_all([tmp_path / "missing.png"])]
        assert len(await client.list_methods()) == 6
