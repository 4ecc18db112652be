"""Figures of `anime-gan dataset inspect`."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.datasets.pictures import encoded, pixels, write_folder
from training.cli.dataset import main
from training.datasets import statistics
from training.datasets.statistics import colour_statistics, label_statistics
from training.datasets.store import Dataset


def import_folder(tmp_path: Path, *more: str) -> Dataset:
    write_folder(tmp_path / "pictures", 5)
    (tmp_path / "pictures" / "grey.png").write_bytes(encoded(pixels(9)[:, :, 0]))
    (tmp_path / "pictures" / "broken.png").write_bytes(b"")
    command = ["import", "folder", str(tmp_path / "pictures"), "--licence", "CC0-1.0"]
    main([*command, "--out", str(tmp_path / "out"), "--size", "8", "--workers", "1", *more])
    return Dataset.open(tmp_path / "out")


def test_colours_are_numpys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "SHARD_IMAGES", 4)
    dataset = import_folder(tmp_path)
    found = colour_statistics(dataset)
    levels = np.asarray(dataset.images_NHWC).reshape(-1, 3).astype(float)
    for channel, name in enumerate(("red", "green", "blue")):
        assert found["channels"][name]["mean"] == pytest.approx(levels[:, channel].mean())
        assert found["channels"][name]["deviation"] == pytest.approx(levels[:, channel].std())
        assert found["channels"][name]["black"] == pytest.approx((levels[:, channel] == 0).mean())
    assert found["colourless"] == pytest.approx(1 / 6)


def test_a_grey_dataset_has_one_channel(tmp_path: Path) -> None:
    found = colour_statistics(import_folder(tmp_path, "--grey"))
    assert list(found["channels"]) == ["grey"]
    assert found["colourless"] == 1


def test_labels_are_summed_up_by_kind() -> None:
    labels = [
        {
            "id": n,
            "sha256": "x",
            "tags": ["a", "b"][: n + 1],
            "attributes": {"yaw": n, "hat": n > 0},
        }
        for n in range(2)
    ]
    assert label_statistics(labels) == {
        "hat": {"values": {"False": 0.5, "True": 0.5}, "different": 2},
        "tags": {"values": {"a": 1.0, "b": 0.5}, "different": 2},
        "yaw": {"min": 0, "max": 1, "mean": 0.5},
    }


def test_inspect_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = import_folder(tmp_path)
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["digest"] == dataset.digest
    assert (found["count"], found["skipped"], found["verified"]) == (6, 1, "checksums")
    assert set(found["colours"]["channels"]) == {"red", "green", "blue"}
    assert main(["inspect", str(tmp_path / "out"), "--json", "--quick"]) == 0
    assert "colours" not in json.loads(capsys.readouterr().out)
