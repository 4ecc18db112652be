"""What makes a Triton model a generator, and what its card tells."""

import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from services.common.rpc.errors import InvalidField, NotFound, Unavailable
from services.common.triton.client import ModelConfig, TensorSpec
from services.generator.latents import NoiseMode
from services.generator.models import Catalogue, parse_model
from services.generator.types import Order, check_against
from tests.integration.tiny_models import GRAY, NOISY, STYLEGAN, TinyGenerator


def config(model: TinyGenerator, version: int = 3, **card_changes) -> ModelConfig:
    card = model.card(version, b"graph") | card_changes
    return ModelConfig(
        inputs={name: TensorSpec(*spec) for name, spec in model.inputs.items()},
        outputs={name: TensorSpec(*spec) for name, spec in model.outputs.items()},
        parameters={"model_card_2": "{}", f"model_card_{version}": json.dumps(card)},
    )


def test_shapes_come_from_the_configuration_and_words_from_the_card():
    model = parse_model("stylegan", 3, config(STYLEGAN))
    assert (model.name, model.version, model.kind) == ("stylegan", 3, "stylegan2")
    assert (model.resolution, model.channels) == (STYLEGAN.resolution, STYLEGAN.channels)
    assert model.z_dim == STYLEGAN.z_dim
    assert (model.supports_truncation, model.default_truncation) == (True, 0.7)
    assert model.licence == "Apache-2.0"
    assert model.metrics == {"kid_x1000": 1.5}
    assert len(model.sha256) == 64


def test_models_without_truncation_and_noise():
    model = parse_model("dcgan_gray", 3, config(GRAY))
    assert (model.supports_truncation, model.default_truncation) == (False, 1.0)
    assert model.noise_size == 0
    assert model.noise_modes == (NoiseMode.CONSTANT, NoiseMode.NONE)


def test_only_numbers_of_the_metrics_are_listed():
    metrics = {"kid": 3, "interval": [1, 2], "note": "x", "ok": True, "recall": 0.5}
    assert parse_model("m", 3, config(STYLEGAN, metrics=metrics)).metrics == {
        "kid": 3.0,
        "recall": 0.5,
    }


def test_what_is_no_generator_is_passed_over():
    whole = config(STYLEGAN)
    mapping = replace(whole, outputs={"w": TensorSpec("FP32", (128,))})
    synthesis = replace(whole, inputs={"w": TensorSpec("FP32", (10, 128))})
    for other in (mapping, synthesis, replace(whole, parameters={}), config(STYLEGAN, kind="x")):
        assert parse_model("m", 3, other) is None


class OneTriton:
    """A Triton with these models, all in version 3."""

    def __init__(self, configs: dict[str, ModelConfig]) -> None:
        self.configs = configs

    async def ready_versions(self) -> dict[str, list[int]]:
        return {name: [3] for name in self.configs}

    async def model_config(self, model: str, version: int) -> ModelConfig:
        return self.configs[model]


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"model_card_3": "not json"}},
        {"parameters": {"model_card_3": "[]"}},
        {"parameters": {"model_card_3": "{}"}},
        {"parameters": {"model_card_3": '{"kind": "dcgan"}'}},
        {"outputs": {"image": TensorSpec("UINT8", (64,))}},
        {"inputs": {"z": TensorSpec("FP32", ())}},
        config(STYLEGAN, metrics=[1, 2]).__dict__,
        config(STYLEGAN, dataset="a name").__dict__,
        config(STYLEGAN, default_truncation=None).__dict__,
    ],
)
async def test_a_broken_card_hides_that_model_only_and_is_reported(changes):
    broken = replace(config(STYLEGAN), **changes)
    catalogue = Catalogue(OneTriton({"broken": broken, "good": config(GRAY)}), "good")
    with capture_logs() as logs:
        assert [model.name for model in await catalogue.all()] == ["good"]
    assert [(line["event"], line["model"]) for line in logs] == [("broken model card", "broken")]


async def test_a_model_that_is_away_is_unavailable_one_that_never_was_is_not_found():
    triton = OneTriton({"default": config(STYLEGAN), "other": config(GRAY)})
    catalogue = Catalogue(triton, "default")
    assert (await catalogue.find("")).name == "default"
    triton.configs.clear()
    await catalogue.refresh()
    for name in ("", "default", "other"):
        with pytest.raises(Unavailable):
            await catalogue.find(name)
    with pytest.raises(NotFound, match="there are: none"):
        await catalogue.find("nobody")


def test_orders_are_checked_against_the_model():
    gray, noisy = (parse_model("m", 3, config(model)) for model in (GRAY, NOISY))
    random = Order("m", (1,), noise_mode=NoiseMode.RANDOM)
    check_against(random, noisy)
    with pytest.raises(InvalidField, match=r"noise_mode: .* choose CONSTANT or NONE"):
        check_against(random, gray)
    with pytest.raises(InvalidField, match=r"truncation: .* leave it out"):
        check_against(Order("m", (1,), truncation=1.0), gray)
