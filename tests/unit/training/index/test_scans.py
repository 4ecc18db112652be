"""Models that scan an index, as they lie in a repository; Triton runs them in tests/integration."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from animegan_search.ssim.definition import GAUSSIAN
from animegan_search.ssim.index import Index
from deploy import workloads
from tests.unit.search.ssim.index.material import noise, scores, write_index
from training.cli.index import main
from training.index.changing import remove
from training.index.scans import publish_scans

MODELS = Path(__file__).parents[4] / "models"
SEARCHES = ["ssim_search_faces.v2_00000", "ssim_search_faces.v2_00001"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A repository that holds `ssim_search`."""
    repository = tmp_path / "models"
    shutil.copytree(MODELS / "ssim_search", repository / "ssim_search")
    return repository


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Twenty images in two shards."""
    return write_index(tmp_path / "faces.v2", noise(20, seed=1), None, GAUSSIAN, shard_images=16)


def read(repository: Path, model: str) -> model_config_pb2.ModelConfig:
    text = (repository / model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_every_shard_gets_its_scan_and_a_model_that_searches_with_it(
    index: Index, models: Path
) -> None:
    assert dict(publish_scans(index, models)) == dict.fromkeys(SEARCHES, True)
    queries = noise(2, seed=2)
    for shard, record in zip(index.shards, index.manifest.shards, strict=True):
        folder = models / f"ssim_scan_faces.v2_{shard.name}" / "1"
        content = (folder / "model.onnx").read_bytes()
        card = json.loads((folder / "model_card.json").read_text())
        assert card["files"]["model.onnx"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert (card["index"], card["shard"]) == ("faces.v2", shard.name)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        found, scored = session.run(["scores", "scored"], {"query": queries})
        references = index.images(shard.ids)
        expected = np.stack([scores(query, references, GAUSSIAN) for query in queries])
        np.testing.assert_allclose(found, expected, rtol=0, atol=GAUSSIAN.tolerance)
        assert {bytes(row).decode() for row in scored} == {record.tiles.sha256}


def test_the_configurations_tell_what_the_graphs_have(index: Index, models: Path) -> None:
    list(publish_scans(index, models))
    for scan, count in (("ssim_scan_faces.v2_00000", 16), ("ssim_scan_faces.v2_00001", 4)):
        config = read(models, scan)
        assert {tensor.name: list(tensor.dims) for tensor in config.input} == {"query": [12, 12, 3]}
        outputs = {tensor.name: list(tensor.dims) for tensor in config.output}
        assert outputs == {"scores": [count], "scored": [64]}
    search, ensemble = read(models, "ssim_search"), read(models, SEARCHES[1])
    given = {"scores", "scored"}
    assert list(ensemble.input) == [one for one in search.input if one.name not in given]
    assert list(ensemble.output) == list(search.output)
    assert ensemble.max_batch_size == search.max_batch_size
    scanning, ranking = ensemble.ensemble_scheduling.step
    assert (scanning.model_name, ranking.model_name) == ("ssim_scan_faces.v2_00001", "ssim_search")
    for name in given:
        assert ranking.input_map[name] == scanning.output_map[name]
    assert set(ranking.output_map.values()).isdisjoint(scanning.output_map.values())
    for model in (*SEARCHES, "ssim_scan_faces.v2_00000"):
        assert workloads.workload(models / model) == "similarity"


def test_what_is_there_already_stays_and_what_is_outdated_goes(
    index: Index, models: Path, tmp_path: Path
) -> None:
    list(publish_scans(index, models))
    first = models / "ssim_scan_faces.v2_00000"
    before = (first / "1" / "model.onnx").stat().st_mtime_ns
    remove(index.directory, [3])  # its scores are still those of the others
    assert dict(publish_scans(Index.open(index.directory), models)) == dict.fromkeys(
        SEARCHES, False
    )
    assert (first / "1" / "model.onnx").stat().st_mtime_ns == before
    other = write_index(
        tmp_path / "anew" / "faces.v2", noise(20, seed=9), None, GAUSSIAN, shard_images=16
    )
    assert dict(publish_scans(other, models)) == dict.fromkeys(SEARCHES, True)
    assert sorted(path.name for path in first.iterdir()) == ["2", "config.pbtxt"]


def test_the_command_publishes_and_says_what(
    index: Index, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export-scan", str(index.directory), "--models", str(models)]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [f"{models / name}: new" for name in SEARCHES]
    assert main(command) == 0
    assert "is there already" in capsys.readouterr().out


def test_a_repository_that_cannot_rank_is_refused(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export-scan", str(index.directory), "--models", str(tmp_path / "none")]) == 1
    assert "scans go where ssim_search is" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_damaged_index_is_not_exported(
    index: Index, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiles = index.directory / index.manifest.shards[1].tiles.name
    content = bytearray(tiles.read_bytes())
    content[-1] ^= 1
    tiles.write_bytes(content)
    assert main(["export-scan", str(index.directory), "--models", str(models)]) == 1
    assert "does not match its checksum" in capsys.readouterr().err
    assert sorted(path.name for path in models.iterdir()) == ["ssim_search"]
