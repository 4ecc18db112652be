"""`anime-gan audit` from end to end: a planted copy is found, and only that; refusals."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.index import Index
from tests.requires import require_module
from tests.unit.training.audit.conftest import COPIED, HELDOUT
from tests.unit.training.conftest import write_dataset
from tests.unit.training.copies.conftest import STORY, tiny_detector
from tests.unit.training.metrics.tiny import tiny
from training.cli.audit import PAGE, RECORD, main
from training.copies.building import build as embed
from training.copies.embedding import Embedder
from training.copies.export import publish_detector
from training.datasets.store import Dataset
from training.index.building import build
from training.networks.weights import save_generator

DOCS = Path(__file__).parents[4] / "docs/similarity/audit.md"


def audit(index: Index, out: Path, *arguments: str) -> dict[str, Any]:
    fixed = ["--index", str(index.directory), "--out", str(out)]
    assert main([*arguments, *fixed]) == 0
    return json.loads((out / RECORD).read_text())


def refusal(index: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments, "--index", str(index), "--out", str(index / "never")]) == 1
    assert not (index / "never").exists()
    return capsys.readouterr().err


def test_exactly_the_planted_copy_is_flagged(
    index: Index, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = audit(index, tmp_path, "--pictures", str(pictures), "--png")
    [flagged] = [image for image in found["images"] if not image["original"]]
    assert flagged["name"] == "copy.png"
    assert flagged["p_value"] == pytest.approx(1 / (HELDOUT + 1))  # no copy can have less
    assert flagged["nearest"][0] == {"id": COPIED, "ssim": pytest.approx(1)}
    assert found["summary"]["flagged"] == 1
    shown = capsys.readouterr().out
    assert "30 of 31 judged original" in shown and str(tmp_path / "curves.png") in shown
    assert "30 of 31 judged original" in (tmp_path / PAGE).read_text()
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".json", ".png"}


def test_weights_are_audited_by_their_seeds(index: Index, tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    save_generator(weights, tiny(), {"dataset": {"name": "other", "digest": "0"}}, {})
    found = audit(index, tmp_path / "out", "--weights", str(weights), "--seeds", "7-9,3")
    assert [image["name"] for image in found["images"]] == ["seed 7", "seed 8", "seed 9", "seed 3"]
    assert found["subjects"]["seeds"] == [7, 8, 9, 3]
    assert (
        "does not hold the dataset that this model was trained on"
        in (tmp_path / "out" / PAGE).read_text()
    )


def test_a_dataset_is_audited_by_as_many_as_asked_for(
    index: Index, squares: Dataset, tmp_path: Path
) -> None:
    chosen = ["--pictures", str(squares.directory), "--count", "5"]
    found, other = (audit(index, tmp_path / seed, *chosen, "--seed", seed) for seed in ("1", "2"))
    assert (
        found["summary"] | {"count": 5, "flagged": 5} == found["summary"]
    )  # all are training images
    assert [image["nearest"][0]["id"] for image in found["images"]] == [
        int(image["name"].removeprefix("image ")) for image in found["images"]
    ]
    assert found["images"] != other["images"]


@pytest.mark.timeout(900)  # Ray takes long to start on a busy machine
def test_ray_finds_the_same(index: Index, pictures: Path, tmp_path: Path) -> None:
    require_module("ray")
    here = audit(index, tmp_path / "here", "--pictures", str(pictures))
    # Ray leaves threads and warnings behind, so it gets a process of its own.
    command = [sys.executable, "-m", "training.cli.audit", "--pictures", str(pictures)]
    command += ["--index", str(index.directory), "--out", str(tmp_path / "ray")]
    result = subprocess.run(
        [*command, "--workers", "2", "--ray"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    by_ray = json.loads((tmp_path / "ray" / RECORD).read_text())
    assert by_ray | {"date": None} == here | {"date": None}


def test_the_copy_detector_is_asked_where_the_index_has_embeddings(
    index: Index, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = Index.open(shutil.copytree(index.directory, tmp_path / "index"))
    asked = ["--pictures", str(pictures), "--models", str(tmp_path / "models")]
    publish_detector(tmp_path / "models", tiny_detector(), STORY, "Apache-2.0")
    embed(Embedder(tmp_path / "models"), prepared)
    found = audit(prepared, tmp_path / "out", *asked)
    [copy] = [image for image in found["images"] if image["name"] == "copy.png"]
    assert copy["copy_detector"]["copied"] and copy["copy_detector"]["id"] == COPIED
    assert copy["copy_detector"]["similarity"] == pytest.approx(1, abs=1e-5)
    assert found["summary"]["changed_copies"] >= 1
    assert found["copy_detector"]["name"] == "copy_detector"
    assert "Copy detector: a copy of id 137" in (tmp_path / "out" / PAGE).read_text()
    assert audit(prepared, tmp_path / "out", *asked, "--no-copies")["copy_detector"] is None
    publish_detector(tmp_path / "models", tiny_detector(), STORY, "Apache-2.0")
    message = "another version of the copy detector"
    assert message in refusal(prepared.directory, capsys, *asked)


def test_every_field_of_the_json_is_documented(
    index: Index, pictures: Path, tmp_path: Path
) -> None:
    found = audit(index, tmp_path, "--pictures", str(pictures))
    documented = set(re.findall(r"^\| `([a-z_.\[\]]+)`", DOCS.read_text(), re.MULTILINE))
    assert set(fields(found)) <= documented


def fields(record: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted names; those of a list's objects have `[]`."""
    names = []
    for key, value in record.items():
        if isinstance(value, dict):
            names += fields(value, f"{prefix}{key}.")
        elif isinstance(value, list) and isinstance(value[0], dict):
            names += fields(value[0], f"{prefix}{key}[].")
        else:
            names.append(prefix + key)
    return names


def test_what_cannot_be_audited_is_refused(
    index: Index,
    squares: Dataset,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = index.directory
    small = write_dataset(tmp_path / "small", count=8, side=8)
    asked = ["--pictures", str(small.directory)]
    message = "the images are 8x8 px, RGB, those of the index squares 16x16 px, RGB"
    assert message in refusal(home, capsys, *asked)
    asked = ["--pictures", str(pictures), "--false-alarm-rate", "0.001"]
    assert "cannot carry a false-alarm rate of 0.001" in refusal(home, capsys, *asked)
    (tmp_path / "empty").mkdir()
    assert "holds no index" in refusal(tmp_path / "empty", capsys, *asked[:2])
    plain = build(tmp_path / "plain", squares, UNIFORM7)
    assert "anime-gan index calibrate" in refusal(plain.directory, capsys, *asked[:2])
