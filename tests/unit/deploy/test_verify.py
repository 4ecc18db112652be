"""Model files are checked against their cards before Triton starts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.images import verify
from deploy.local.runtime import PROJECT


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A real network and its card, and a release's pointer, which has none."""
    shutil.copytree(PROJECT / "models" / "dcgan_gray", tmp_path / "dcgan_gray")
    pointer = tmp_path / "dcgan_gray_traffic"
    (pointer / "1").mkdir(parents=True)
    (pointer / "config.pbtxt").write_text('platform: "ensemble"')
    return tmp_path


def test_the_projects_own_models_are_intact():
    assert verify.main(str(PROJECT / "models")) == 0


def test_it_runs_without_the_project(models):
    script = [sys.executable, "-I", verify.__file__, str(models)]
    assert subprocess.run(script, check=False, timeout=60).returncode == 0


def halve(version: Path):
    file = version / "model.onnx"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return "model.onnx: its sha256 is not the card's"


def flip_a_bit(version: Path):
    file = version / "model.onnx"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return "model.onnx: its sha256 is not the card's"


def lose(version: Path):
    (version / "model.onnx").unlink()
    return "model.onnx: is missing"


def halve_the_card(version: Path):
    card = version / "model_card.json"
    card.write_text(card.read_text()[:100])
    return "model_card.json: is no JSON"


@pytest.mark.parametrize("damage", [halve, flip_a_bit, lose, halve_the_card])
def test_a_damaged_file_is_named(models, capsys, damage):
    message = damage(models / "dcgan_gray" / "1")
    assert verify.main(str(models)) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert message in told


def test_an_empty_volume_has_no_model_yet(tmp_path, capsys):
    assert verify.main(str(tmp_path / "generator")) == 1
    assert "there is no model yet" in capsys.readouterr().err
