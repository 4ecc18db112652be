"""The cards of models that are programs: what they say of the files is true."""

import hashlib
import json
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "models"


@pytest.mark.parametrize("name", ["ssim_index", "ssim_search"])
def test_the_card_describes_the_files(name: str) -> None:
    folder = MODELS / name / "1"
    card = json.loads((folder / "model_card.json").read_text())
    files = {path.name: path.read_bytes() for path in folder.glob("*.py")}
    assert card["files"] == {
        file: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for file, content in files.items()
    }
    assert (card["name"], card["kind"], card["version"]) == (name, name, 1)
    assert card["licence"] == "Apache-2.0"
