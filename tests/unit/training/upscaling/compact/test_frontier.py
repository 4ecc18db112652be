"""`anime-gan upscaler export` and `frontier`: from weights to a model, its card, and its point."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.requires import require_renderer
from training.cli.upscaler import main
from training.datasets.store import Dataset
from training.export.repository import read_card
from training.upscaling.compact.network import CompactConfig, LearningUpscaler
from training.upscaling.compact.trainer import WEIGHTS
from training.upscaling.compact.weights import load_upscaler, save_upscaler
from training.upscaling.material import pictures_of
from training.upscaling.methods import CLASSICAL
from training.upscaling.quality import downscale, enlarge, mean_score, psnr

STORY = {
    "preset": "x",
    "images_seen": 8,
    "commit": "0",
    "options": {},
    "datasets": [{"name": "squares", "digest": "0", "licence": "CC0-1.0"}],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two untrained networks, which are bicubic; one is much larger."""
    require_renderer()
    folder = tmp_path_factory.mktemp("frontier")
    for method, width in (("compact-small", 2), ("large", 48)):
        torch.manual_seed(0)
        save_upscaler(folder / WEIGHTS, LearningUpscaler(CompactConfig(width, 2)), STORY)
        flags = ["--weights", str(folder / WEIGHTS), "--models", str(folder / "models")]
        assert main(["export", *flags, "--method", method]) == 0
    return folder / "models"


def test_the_card_tells_quality_and_origin(models: Path) -> None:
    card = read_card(models / "upscale_compact-small_2x", 1)
    assert card["margin"] == 5
    assert card["datasets"] == STORY["datasets"]
    assert card["metrics"] == read_card(models / "upscale_large_2x", 1)["metrics"]
    assert 20 < card["metrics"]["psnr_db"] < 35


def test_a_blend_remembers_where_it_comes_from(tmp_path: Path) -> None:
    old, new = LearningUpscaler(CompactConfig(2, 1)), LearningUpscaler(CompactConfig(2, 1))
    save_upscaler(tmp_path / "old", old, STORY)
    save_upscaler(tmp_path / "new", new, STORY | {"preset": "y"})
    flags = ["--initial", str(tmp_path / "old"), "--final", str(tmp_path / "new")]
    assert main(["blend", *flags, "--share", "0.5", "--out", str(tmp_path / "out")]) == 0
    network, training = load_upscaler(tmp_path / "out")
    mean = (old.first.expand + new.first.expand) / 2
    torch.testing.assert_close(network.first.expand, mean.detach())
    assert training["preset"] == "y"
    assert training["blend"] == {"share": 0.5, "initial": {"preset": "x", "images_seen": 8}}


def test_the_frontier_has_time_and_quality_of_every_network(
    models: Path, squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["frontier", "--models", str(models), "--count", "2", "--out", str(tmp_path / "f")]
    assert main([*command, "--pictures", f"squares={squares.directory}"]) == 0
    record = json.loads((tmp_path / "f.json").read_text())
    assert record["counts"] == {"faces, 128 px": 2, "faces, 256 px": 2, "squares": 2}
    large, small = record["points"]
    assert (large["method"], small["method"]) == ("large", "compact-small")
    assert large["milliseconds"]["256"] > large["milliseconds"]["64"] > 0
    pictures = [np.asarray(picture) for picture in squares.images_NHWC[:2]]
    bicubic = [
        psnr(enlarge(downscale(picture, "lanczos"), CLASSICAL["bicubic"]), picture)
        for picture in pictures
    ]
    # Pillow treats the border and rounds otherwise, so bicubic is only near.
    assert small["psnr_db"]["squares"] == pytest.approx(mean_score(bicubic).value, abs=1)
    assert small["psnr_db"] == large["psnr_db"]
    with Image.open(tmp_path / "f.png") as figure:
        assert figure.format == "PNG"
    assert "compact-small" in capsys.readouterr().out


def test_pictures_need_a_name(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["frontier", "--models", str(models), "--out", "f", "--pictures", "faces.zip"])
    assert "NAME=PATH" in capsys.readouterr().err


def test_a_dataset_is_read_as_pictures(squares: Dataset) -> None:
    material = pictures_of(squares.directory, "squares", limit=3)
    assert not material.public
    assert len(material.pictures) == 3
    assert np.array_equal(material.pictures[1], squares.images_NHWC[1])
