"""What makes a Triton model an upscaler, which methods there are, and what of them is run."""

import json
from dataclasses import replace
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.common.rpc.errors import InvalidField, NotFound, Unavailable
from services.common.triton.client import ModelConfig, TensorSpec
from services.upscaler.models import Catalogue, enlarged, make_plan, methods_of, parse_model
from services.upscaler.types import MAX_SCALE, Filter, Method, Options, Plan, UpscalerModel
from tests.integration.tiny_upscalers import INPUTS, OUTPUTS, TinyUpscaler

ENLARGER, DENOISER = TinyUpscaler("tiny"), TinyUpscaler("tiny", scale=1, noise=2)


def config(model: TinyUpscaler, version: int = 3, **card_changes) -> ModelConfig:
    card = model.card(version, b"graph") | card_changes
    return ModelConfig(
        inputs={name: TensorSpec(*spec) for name, spec in INPUTS.items()},
        outputs={name: TensorSpec(*spec) for name, spec in OUTPUTS.items()},
        parameters={"model_card_2": "{}", f"model_card_{version}": json.dumps(card)},
        max_batch=16,
    )


class OneTriton:
    """A Triton with these models, all in version 3."""

    def __init__(self, *models: TinyUpscaler) -> None:
        self.configs = {model.name: config(model) for model in models}

    async def ready_versions(self) -> dict[str, list[int]]:
        return {name: [3] for name in self.configs}

    async def model_config(self, model: str, version: int) -> ModelConfig:
        return self.configs[model]


def test_a_card_tells_what_a_model_does():
    model = parse_model("upscale_tiny_1x_noise2", 3, config(DENOISER, margin=18))
    assert (model.name, model.version, model.method) == ("upscale_tiny_1x_noise2", 3, "tiny")
    assert (model.scale, model.noise, model.margin, model.max_batch) == (1, 2, 18, 16)
    assert (model.licence, model.metrics) == ("Apache-2.0", {"psnr": 30.5})


def test_what_is_no_upscaler_is_passed_over():
    for other in (
        config(ENLARGER, contract="generator"),
        replace(config(ENLARGER), parameters={}),
    ):
        assert parse_model("m", 3, other) is None


@pytest.mark.parametrize(
    "broken",
    [
        config(ENLARGER, scale="two"),
        config(ENLARGER, metrics=[1]),
        replace(config(ENLARGER), max_batch=0),
        replace(config(ENLARGER), outputs={"image": TensorSpec("UINT8", (-1, -1, 3))}),
        replace(config(ENLARGER), parameters={"model_card_3": "[]"}),
    ],
)
async def test_a_broken_card_hides_that_model_only_and_is_reported(broken):
    triton = OneTriton(DENOISER)
    triton.configs["broken"] = broken
    with capture_logs() as logs:
        assert [model.name for model in await Catalogue(triton, "tiny").all()] == [DENOISER.name]
    assert [(line["event"], line["model"]) for line in logs] == [("broken model card", "broken")]


def test_models_make_methods_in_order():
    models = [network("b", 2, -1), network("a", 2, 1), network("a", 1, 3), network("a", 2, -1)]
    made = methods_of(models)
    assert list(made) == ["a", "b"]
    assert [(m.scale, m.noise) for m in made["a"].models] == [(1, 3), (2, -1), (2, 1)]
    assert made["a"].find(2, 1) is models[1]
    assert made["a"].find(4, 1) is None


async def test_names_become_networks_or_filters():
    catalogue = Catalogue(OneTriton(ENLARGER, DENOISER), "tiny")
    tiny = await catalogue.find("tiny")
    assert [model.name for model in tiny.models] == [DENOISER.name, ENLARGER.name]
    assert await catalogue.find("") == tiny
    assert await catalogue.find("bicubic") is Filter.BICUBIC
    with pytest.raises(NotFound, match="no method 'x'; there are: tiny, nearest, bilinear"):
        await catalogue.find("x")
    assert await catalogue.methods() == [tiny, *Filter]


async def test_a_filter_may_be_the_default():
    catalogue = Catalogue(OneTriton(), "lanczos")
    assert await catalogue.find("") is Filter.LANCZOS


async def test_a_method_that_is_away_is_unavailable_one_that_never_was_is_not_found():
    triton = OneTriton(ENLARGER, TinyUpscaler("other"))
    catalogue = Catalogue(triton, "default")
    with pytest.raises(Unavailable):
        await catalogue.find("")
    assert (await catalogue.find("other")).name == "other"
    triton.configs.clear()
    await catalogue.refresh()
    # Its models were there a moment ago: they are planned with, and missed when they are asked.
    assert (await catalogue.find("other")).name == "other"
    with pytest.raises(Unavailable):
        await catalogue.find("default")
    with pytest.raises(NotFound):
        await catalogue.find("nobody")


def network(method: str, scale: int, noise: int, version: int = 1) -> UpscalerModel:
    """A model that does this."""
    return UpscalerModel(
        name=f"upscale_{method}_{scale}x" + (f"_noise{noise}" if noise >= 0 else ""),
        version=version,
        description="",
        method=method,
        scale=scale,
        noise=noise,
        margin=7,
        alignment=1,
        pools_globally=False,
        max_batch=16,
        licence="MIT",
        sha256="0" * 64,
        metrics={},
    )


def method(name: str, *abilities: tuple[int, int]) -> Method:
    """A method with models of these scales and noise levels."""
    return Method(name, [network(name, *ability) for ability in sorted(abilities)])


# As waifu2x has them: with everything; denoising in a model of its own; nothing but enlarging.
FULL = method("full", (2, -1), *((scale, noise) for scale in (1, 2) for noise in range(4)))
APART = method("apart", (2, -1), *((1, noise) for noise in range(4)))
PLAIN = method("plain", (2, -1))
# Without a model that leaves the size as it is.
LARGER = method("larger", *((2, noise) for noise in range(-1, 4)))

SIDES = st.integers(1, 9000)
SCALES = st.floats(1, MAX_SCALE)


def planned(method: Method | Filter, scale: float = 2, noise: int = -1, *, tta=False) -> Plan:
    """How 10x20 pixels are enlarged."""
    return make_plan(method, Options(scale=scale, noise=noise, tta=tta), 10, 20)


def names(*choice) -> list[str]:
    return [model.name for model in planned(*choice).passes]


@pytest.mark.parametrize(
    ("scale", "passes", "resampled"),
    [(1, 0, False), (1.5, 1, True), (2, 1, False), (2.5, 2, True), (3, 2, True), (4, 2, False),
     (5, 3, True), (8, 3, False)],
)  # fmt: skip
def test_as_many_passes_as_reach_the_factor(scale, passes, resampled):
    plan = planned(PLAIN, scale)
    assert [model.name for model in plan.passes] == ["upscale_plain_2x"] * passes
    assert plan.resample is (Filter.LANCZOS if resampled else None)
    assert (plan.width, plan.height) == (10 * scale, 20 * scale)


def test_noise_is_removed_by_the_first_pass_only():
    assert names(FULL, 4, 2) == ["upscale_full_2x_noise2", "upscale_full_2x"]
    assert names(FULL, 2, 0) == ["upscale_full_2x_noise0"]
    assert names(APART, 4, 2) == ["upscale_apart_1x_noise2", *["upscale_apart_2x"] * 2]


def test_without_enlarging_the_denoiser_runs_alone():
    for choice in (FULL, APART):
        plan = planned(choice, 1, 3)
        assert [model.name for model in plan.passes] == [f"upscale_{choice.name}_1x_noise3"]
        assert (plan.resample, plan.width, plan.height) == (None, 10, 20)


def test_a_method_without_a_denoiser_of_the_same_size_enlarges_and_is_resampled():
    plan = planned(LARGER, 1, 3)
    assert [model.name for model in plan.passes] == ["upscale_larger_2x_noise3"]
    assert (plan.resample, plan.width, plan.height) == (Filter.LANCZOS, 10, 20)


def test_what_a_method_cannot_do_lists_what_it_can():
    with pytest.raises(InvalidField) as refused:
        planned(PLAIN, 2, 1)
    assert refused.value.field == "options.noise"
    assert refused.value.message == "plain cannot remove noise 1; it has 2x noise -1"
    denoiser = method("denoiser", (1, 0), (1, 2))
    with pytest.raises(InvalidField) as refused:
        planned(denoiser, 2)
    assert refused.value.field == "options.scale"
    assert refused.value.message == "denoiser cannot enlarge; it has 1x noise 0, 2"
    noisy = method("noisy", (2, 1))
    assert names(noisy, 2, 1) == ["upscale_noisy_2x_noise1"]
    with pytest.raises(InvalidField, match=r"options.scale: .* it has 2x noise 1"):
        planned(noisy, 4, 1)


@pytest.mark.parametrize("choice", list(Filter))
def test_filters_take_any_factor_but_neither_noise_nor_augmentation(choice):
    plan = planned(choice, 2.5)
    assert (plan.passes, plan.resample, plan.width, plan.height) == ((), choice, 25, 50)
    assert planned(choice, 1).resample is None
    with pytest.raises(InvalidField, match=r"options.noise: .* leave it out"):
        planned(choice, 2, 0)
    with pytest.raises(InvalidField, match=r"options.test_time_augmentation: .* leave it out"):
        planned(choice, 2, tta=True)


@given(SIDES, SIDES, SCALES, st.sampled_from([FULL, APART, LARGER]), st.integers(-1, 3))
def test_passes_reach_the_size_with_none_to_spare(width, height, scale, choice, noise):
    plan = make_plan(choice, Options(scale=scale, noise=noise), width, height)
    factors = [model.scale for model in plan.passes if model.scale > 1]
    reached = prod(factors)
    assert reached >= scale
    assert not factors or reached // factors[-1] < scale or (scale == 1 and noise >= 0)
    assert (plan.resample is None) == (
        (plan.width, plan.height) == (width * reached, height * reached)
    )
    assert sum(model.noise >= 0 for model in plan.passes) == (noise >= 0)
    assert not plan.passes or plan.passes[0].noise == noise


@given(SIDES, SCALES)
def test_sides_are_rounded_to_the_nearest_pixel(length, scale):
    side = enlarged(length, scale)
    assert abs(side - length * scale) <= 0.5
    assert side >= length


def test_half_a_pixel_is_rounded_up():
    assert [enlarged(length, 1.5) for length in (1, 3, 5)] == [2, 5, 8]
