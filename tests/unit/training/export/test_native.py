"""The second file of upscalers: written at export, or added to versions that lack it."""

import hashlib
import json
import shutil
from pathlib import Path

import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from training.export.native import add_native, native
from training.export.repository import CARD_FILE, CONFIG_FILE

MODELS = Path(__file__).resolve().parents[4] / "models"
UPSCALERS = sorted(path.name for path in MODELS.glob("upscale_*"))


@pytest.mark.parametrize("name", UPSCALERS)
def test_the_files_that_ship_are_made_from_the_models_beside_them(name: str) -> None:
    folder = MODELS / name / "1"
    content = (folder / "model.native.onnx").read_bytes()
    assert content == native((folder / "model.onnx").read_bytes())
    nodes = {node.op_type for node in onnx.load_model_from_string(content).graph.node}
    assert "Conv3x3" in nodes
    card = json.loads((folder / CARD_FILE).read_text())
    digest = hashlib.sha256(content).hexdigest()
    assert card["files"]["model.native.onnx"] == {"sha256": digest, "bytes": len(content)}


def test_a_graph_without_such_convolutions_has_no_second_file() -> None:
    assert native((MODELS / "stylegan_mapping" / "1" / "model.onnx").read_bytes()) is None


def test_a_version_that_lacks_it_is_given_it_and_is_then_what_ships(tmp_path: Path) -> None:
    name = "upscale_compact_2x"
    folder = tmp_path / name
    shutil.copytree(MODELS / name, folder)
    shipped = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "1" / "model.native.onnx").unlink()
    card = json.loads((folder / "1" / CARD_FILE).read_text())
    del card["files"]["model.native.onnx"]
    (folder / "1" / CARD_FILE).write_text(json.dumps(card))
    assert add_native(folder) == [folder / "1" / "model.native.onnx"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == shipped
    assert add_native(folder) == []
    parsed = text_format.Parse((folder / CONFIG_FILE).read_text(), model_config_pb2.ModelConfig())
    told = json.loads(parsed.parameters["model_card_1"].string_value)
    assert told == json.loads((folder / "1" / CARD_FILE).read_text())


def test_a_crash_before_the_configuration_is_mended_by_doing_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "upscale_compact_2x"
    shutil.copytree(MODELS / folder.name, folder)
    config = (folder / CONFIG_FILE).read_text()
    (folder / CONFIG_FILE).write_text(config.replace("model.native.onnx", "another"))
    assert add_native(folder) == []
    assert (folder / CONFIG_FILE).read_text() == config


def test_a_model_that_does_not_ask_for_it_is_refused(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "stylegan_mapping", tmp_path / "stylegan_mapping")
    with pytest.raises(ValueError, match="does not ask for native convolutions"):
        add_native(tmp_path / "stylegan_mapping")
