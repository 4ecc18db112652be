"""What makes a Triton model an upscaler, and which methods there are."""

import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from services.common.rpc.errors import NotFound, Unavailable
from services.common.triton.client import ModelConfig, TensorSpec
from services.upscaler.methods import Methods
from services.upscaler.models import Catalogue, methods, parse_model
from services.upscaler.order import Wish
from services.upscaler.plan import Filter, Job
from tests.integration.tiny_upscalers import INPUTS, OUTPUTS, TinyUpscaler
from tests.unit.services.upscaler.networks import network

PLAIN, DENOISER = TinyUpscaler("tiny"), TinyUpscaler("tiny", scale=1, noise=2)


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
        config(PLAIN, contract="generator"),
        replace(config(PLAIN), parameters={}),
    ):
        assert parse_model("m", 3, other) is None


@pytest.mark.parametrize(
    "broken",
    [
        config(PLAIN, scale="two"),
        config(PLAIN, metrics=[1]),
        replace(config(PLAIN), max_batch=0),
        replace(config(PLAIN), outputs={"image": TensorSpec("UINT8", (-1, -1, 3))}),
        replace(config(PLAIN), parameters={"model_card_3": "[]"}),
    ],
)
async def test_a_broken_card_hides_that_model_only_and_is_reported(broken):
    triton = OneTriton(DENOISER)
    triton.configs["broken"] = broken
    with capture_logs() as logs:
        assert [model.name for model in await Catalogue(triton).all()] == [DENOISER.name]
    assert [(line["event"], line["model"]) for line in logs] == [("broken model card", "broken")]


def test_models_make_methods_in_order():
    models = [network("b", 2, -1), network("a", 2, 1), network("a", 1, 3), network("a", 2, -1)]
    made = methods(models)
    assert list(made) == ["a", "b"]
    assert [(m.scale, m.noise) for m in made["a"].models] == [(1, 3), (2, -1), (2, 1)]
    assert made["a"].find(2, 1) is models[1]
    assert made["a"].find(4, 1) is None


async def test_names_become_networks_or_filters():
    known = Methods(Catalogue(OneTriton(PLAIN, DENOISER)), "tiny")
    job = await known.job(Wish(scale=3, noise=2, tta=True))
    assert (job.name, job.scale, job.noise, job.tta) == ("tiny", 3, 2, True)
    assert await known.job(Wish(method="bicubic")) == Job(Filter.BICUBIC, 2.0)
    with pytest.raises(NotFound, match="no method 'x'; there are: tiny, nearest, bilinear"):
        await known.job(Wish(method="x"))
    names = [one.value if isinstance(one, Filter) else one.name for one in await known.all()]
    assert names == ["tiny", "nearest", "bilinear", "bicubic", "lanczos"]


async def test_a_method_that_is_away_is_unavailable_one_that_never_was_is_not_found():
    triton = OneTriton(PLAIN, TinyUpscaler("other"))
    known = Methods(catalogue := Catalogue(triton), "default")
    with pytest.raises(Unavailable):
        await known.job(Wish())
    assert (await known.job(Wish(method="other"))).name == "other"
    triton.configs.clear()
    await catalogue.refresh()
    # Its models were there a moment ago: they are planned with, and missed when they are asked.
    assert (await known.job(Wish(method="other"))).name == "other"
    with pytest.raises(Unavailable):
        await known.refresh()
    with pytest.raises(NotFound):
        await known.job(Wish(method="nobody"))
