"""How the parts of the stack are started."""

import re
from pathlib import Path

import pytest

from deploy.local.components import UPSCALER_METHOD_VARIABLE, components, upscaling_methods
from deploy.local.runtime import PROJECT
from deploy.local.state import StackSettings, StackState
from services.upscaler.settings import UpscalerSettings


def repository(folder: Path, *models: str) -> Path:
    for model in models:
        (folder / model).mkdir(parents=True)
    return folder


def started(folder: Path, name: str) -> list[str] | None:
    """The arguments with which a part of the stack is started; None: it is no part of it."""
    parts = components(StackState.new(StackSettings(folder)), folder)
    return next((part.command()[0] for part in parts if part.name == name), None)


def test_preferred_methods_come_first(tmp_path):
    models = "upscale_cunet_2x", "upscale_cunet_1x_noise1", "upscale_upconv7_2x", "stylegan"
    assert upscaling_methods(repository(tmp_path, *models)) == ["upconv7", "cunet"]


def test_an_upscaler_runs_where_there_is_a_network_for_it(tmp_path, monkeypatch):
    monkeypatch.delenv(UPSCALER_METHOD_VARIABLE, raising=False)
    assert started(repository(tmp_path / "a", "stylegan"), "upscaler") is None
    arguments = started(repository(tmp_path / "b", "upscale_cunet_2x"), "upscaler")
    assert arguments is not None
    assert "--default-method=cunet" in arguments


def test_the_operators_default_method_counts(tmp_path, monkeypatch):
    monkeypatch.setenv(UPSCALER_METHOD_VARIABLE, "lanczos")
    arguments = started(repository(tmp_path, "upscale_cunet_2x"), "upscaler")
    assert arguments is not None
    assert not [argument for argument in arguments if argument.startswith("--default-method")]
    settings = UpscalerSettings.from_command_line("service", ["--triton-url=t:1"])
    assert settings.default_method == "lanczos"


@pytest.mark.parametrize("row", ["max_pixels_in_flight", "tile_side", "encode_threads"])
def test_the_page_names_settings_that_there_are(row):
    page = (PROJECT / "docs" / "operations" / "local.md").read_text()
    (line,) = re.findall(rf"^\| [^|]*`{row}`[^|]*\|", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", line)) <= UpscalerSettings.model_fields.keys()


@pytest.mark.parametrize("card", ['{"contract": "gener', "[]", "{}"])
def test_a_broken_model_card_stops_no_verb(tmp_path, card):
    folder = repository(tmp_path, "mine/1", "broken/1")
    (folder / "mine/1/model_card.json").write_text('{"contract": "generator"}')
    (folder / "broken/1/model_card.json").write_text(card)
    arguments = started(folder, "generator")
    assert arguments is not None
    assert "--default-model=mine" in arguments
