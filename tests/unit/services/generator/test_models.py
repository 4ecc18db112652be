"""What makes a Triton model a generator, and what its card tells."""

import json
from dataclasses import replace

import pytest

from services.common.errors import InvalidField
from services.common.triton_client import ModelConfig, TensorSpec
from services.generator.latents import NoiseMode
from services.generator.models import parse_model
from services.generator.order import Order, check_against
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


@pytest.mark.parametrize("broken", ["not json", "{}", '{"kind": "dcgan"}'])
def test_broken_cards_are_reported(broken):
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_model("m", 3, replace(config(STYLEGAN), parameters={"model_card_3": broken}))


def test_orders_are_checked_against_the_model():
    gray, noisy = (parse_model("m", 3, config(model)) for model in (GRAY, NOISY))
    random = Order("m", (1,), noise_mode=NoiseMode.RANDOM)
    check_against(random, noisy)
    with pytest.raises(InvalidField, match=r"noise_mode: .* choose CONSTANT or NONE"):
        check_against(random, gray)
    with pytest.raises(InvalidField, match=r"truncation: .* leave it out"):
        check_against(Order("m", (1,), truncation=1.0), gray)
