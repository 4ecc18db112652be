"""Options to requests and answers to values, without a network."""

from itertools import count, islice

import pytest
from animegan.generator.v1 import generator_pb2
from animegan.image.v1 import image_pb2
from hypothesis import given
from hypothesis import strategies as st

from animegan_client import InvalidArgumentError, ServerError
from animegan_client.generator import messages
from animegan_client.pictures import FORMATS

seeds = st.integers(0, 2**64 - 1)


def test_options_fill_the_fields_of_their_names():
    request = messages.generate_request(
        {
            "seeds": [3, 1],
            "model": "dcgan_color",
            "truncation": 0.5,
            "noise_mode": "random",
            "format": "webp",
            "quality": 80,
        }
    )
    assert request == generator_pb2.GenerateRequest(
        model="dcgan_color",
        seeds=[3, 1],
        truncation=0.5,
        noise_mode=generator_pb2.NOISE_MODE_RANDOM,
        format=image_pb2.IMAGE_FORMAT_WEBP,
        quality=80,
    )


def test_count_and_base_seed_reach_the_request():
    request = messages.generate_request({"count": 5, "base_seed": 7})
    assert request == generator_pb2.GenerateRequest(count=5, base_seed=7)


def test_none_is_as_good_as_absent():
    names = ("seeds", "count", "base_seed", "model", "truncation", "noise_mode", "format")
    request = messages.generate_request(dict.fromkeys((*names, "quality")))
    assert request == generator_pb2.GenerateRequest()
    assert not request.HasField("truncation")


def test_zero_truncation_is_not_absent():
    request = messages.generate_request({"seeds": [1], "truncation": 0})
    assert request.HasField("truncation")


def test_every_format_and_noise_mode_of_the_api_has_a_name():
    assert set(FORMATS.values()) == set(image_pb2.ImageFormat.values()) - {0}
    assert set(messages._NOISE_MODES.values()) == set(generator_pb2.NoiseMode.values()) - {0}


@pytest.mark.parametrize("build", [messages.generate_request, messages.stream_requests])
@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"count": -1}, "count"),
        ({"count": 2**32}, "count"),
        ({"count": 1, "base_seed": 2**64}, "base_seed"),
        ({"seeds": [1], "truncation": "wild"}, "truncation"),
        ({"seeds": [1], "quality": 1.5}, "quality"),
        ({"seeds": [1], "format": "gif"}, "format"),
        ({"seeds": [1], "noise_mode": "loud"}, "noise_mode"),
    ],
)
def test_what_fits_no_field_is_refused_by_name_before_anything_is_sent(build, options, field):
    with pytest.raises(InvalidArgumentError) as caught:
        build(options)
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize("bad", [-1, 2**64, "1", 1.5, None])
def test_what_is_no_seed_is_refused(bad):
    with pytest.raises(InvalidArgumentError, match=r"^seeds: "):
        messages.generate_request({"seeds": [1, bad]})
    with pytest.raises(InvalidArgumentError, match=r"^seeds: "):
        list(messages.stream_requests({"seeds": [1, bad]}))


def test_an_unknown_option_is_a_mistake_in_the_program():
    with pytest.raises(TypeError, match="trunction"):
        messages.generate_request({"seeds": [1], "trunction": 0.5})


@given(st.lists(seeds, max_size=30), st.integers(1, 7))
def test_a_stream_asks_for_all_seeds_in_order_in_small_requests(wanted, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "SEEDS_PER_CALL", size)
        requests = list(messages.stream_requests({"seeds": wanted, "model": "m"}))
    assert [seed for request in requests for seed in request.seeds] == wanted
    assert all(len(request.seeds) <= size and request.model == "m" for request in requests)
    assert len(requests) == max(1, -(-len(wanted) // size))


@given(st.integers(1, 2**32 - 1), seeds)
def test_a_stream_splits_a_count_without_a_gap(total, base_seed):
    base_seed = min(base_seed, 2**64 - total)
    expected = base_seed
    for request in islice(messages.stream_requests({"count": total, "base_seed": base_seed}), 100):
        assert request.base_seed == expected
        assert 1 <= request.count <= messages.SEEDS_PER_CALL
        expected += request.count
    assert expected == base_seed + min(total, 100 * messages.SEEDS_PER_CALL)


def test_a_count_beyond_the_last_seed_is_refused_at_once():
    with pytest.raises(InvalidArgumentError, match=r"^count: "):
        messages.stream_requests({"count": 2, "base_seed": 2**64 - 1})


def test_seeds_without_end_are_read_as_they_are_needed():
    source = count()
    first = next(messages.stream_requests({"seeds": source}))
    assert list(first.seeds) == list(range(messages.SEEDS_PER_CALL))
    assert next(source) == messages.SEEDS_PER_CALL


def test_an_answer_becomes_values():
    image = image_pb2.Image(
        format=image_pb2.IMAGE_FORMAT_RAW, width=2, height=1, channels=3, data=b"\1\2\3\4\5\6"
    )
    response = generator_pb2.GenerateResponse(
        model="stylegan",
        model_version=4,
        images=[generator_pb2.GeneratedImage(seed=9, image=image, model_version=5)],
    )
    result = messages.generate_result(response)
    (face,) = result.images
    assert (result.model, result.model_version) == ("stylegan", 4)
    assert (face.seed, face.model, face.model_version) == (9, "stylegan", 5)
    assert (face.format, face.width, face.height, face.channels) == ("raw", 2, 1, 3)
    assert face.data == b"\1\2\3\4\5\6"
    assert face.to_pil().getpixel((1, 0)) == (4, 5, 6)


def test_a_grey_raw_picture_opens_too():
    image = image_pb2.Image(
        format=image_pb2.IMAGE_FORMAT_RAW, width=1, height=2, channels=1, data=b"\7\10"
    )
    response = generator_pb2.GenerateStreamResponse(
        images=[generator_pb2.GeneratedImage(seed=0, image=image)]
    )
    (face,) = messages.generated_images(response)
    picture = face.to_pil()
    assert picture.mode == "L"
    assert [picture.getpixel((0, y)) for y in (0, 1)] == [7, 8]


def test_a_format_from_the_future_is_the_services_fault():
    response = generator_pb2.GenerateResponse(
        images=[generator_pb2.GeneratedImage(image=image_pb2.Image(format=99))]  # type: ignore[arg-type]
    )
    with pytest.raises(ServerError, match="99"):
        messages.generate_result(response)


def test_a_model_becomes_values_without_modes_from_the_future():
    model = generator_pb2.Model(
        name="stylegan",
        noise_modes=[generator_pb2.NOISE_MODE_NONE, 99],  # type: ignore[list-item]
        metrics={"kid_x1000": 42.0},
        is_default=True,
    )
    (info,) = messages.model_infos(generator_pb2.ListModelsResponse(models=[model]))
    assert info.noise_modes == ("none",)
    assert info.metrics == {"kid_x1000": 42.0}
    assert info.is_default
