"""The cards of models that are no networks: our own backend serves them, and they have no files."""

import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

MODELS = Path(__file__).parents[3] / "models"


@pytest.mark.parametrize("name", ["copy_search", "ssim_index", "ssim_search"])
def test_the_card_describes_the_model(name: str) -> None:
    folder = MODELS / name / "1"
    card = json.loads((folder / "model_card.json").read_text())
    assert [path.name for path in folder.iterdir()] == ["model_card.json"]
    assert (card["name"], card["kind"], card["version"], card["files"]) == (name, name, 1, {})
    assert card["licence"] == "Apache-2.0"
    text = (MODELS / name / "config.pbtxt").read_text()
    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    assert (config.name, config.backend) == (name, "animegan_search")
    assert config.parameters["kind"].string_value == card["kind"]
