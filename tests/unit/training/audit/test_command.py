"""`anime-gan audit` on a real index: a planted copy is found, and only that."""

import json
from pathlib import Path
from typing import Any

import pytest

from animegan_ssim.index import Index
from tests.unit.training.audit.conftest import HELDOUT, planted
from training.audit.command import PAGE, RECORD, main
from training.datasets.store import Dataset


def audit(index: Index, out: Path, *arguments: str) -> dict[str, Any]:
    fixed = ["--index", str(index.directory), "--out", str(out)]
    assert main([*arguments, *fixed]) == 0
    return json.loads((out / RECORD).read_text())


def test_exactly_the_planted_copy_is_flagged(
    index: Index,
    squares: Dataset,
    unseen: Dataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pictures = planted(tmp_path / "pictures", unseen, squares, place=137)
    found = audit(index, tmp_path / "out", "--pictures", str(pictures))
    [flagged] = [image for image in found["images"] if not image["original"]]
    assert flagged["name"] == "copy.png"
    assert flagged["p_value"] == pytest.approx(1 / (HELDOUT + 1))
    assert flagged["nearest"][0] == {"id": 137, "ssim": pytest.approx(1)}
    assert found["summary"]["flagged"] == 1
    assert "30 of 31 judged original" in capsys.readouterr().out
    assert "30 of 31 judged original" in (tmp_path / "out" / PAGE).read_text()
