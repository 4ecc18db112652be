"""`anime-gan copies`, from images to a verdict."""

from pathlib import Path

import pytest
from PIL import Image

from animegan_search.ssim.definition import UNIFORM7
from tests.unit.training.conftest import write_dataset
from tests.unit.training.copies.conftest import STORY, tiny_detector
from training.cli.copies import main
from training.copies.export import publish_detector
from training.copies.trainer import WEIGHTS
from training.datasets.store import Dataset
from training.index.building import build as build_index
from training.index.changing import calibrate, remove
from training.index.publishing import locked


def call(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_train_export_index_find(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, models, index = (tmp_path / name for name in ("run", "models", "index"))
    heldout = write_dataset(tmp_path / "heldout", count=150, seed=5)
    build_index(index, squares, UNIFORM7, heldout)
    remove(index, [16])
    calibrate(index)
    train = ("train", "--preset", "copies-16-tiny", "--dataset", squares.directory)
    assert call(*train, "--run", run, "--images", 32, "--threads", 1) == 0
    assert call("export", "--weights", run / WEIGHTS, "--models", models) == 0
    with locked(index):  # as while images are added to it
        assert call("index", index, "--models", models) == 1
    assert "index is being written by process" in capsys.readouterr().err
    assert call("index", index, "--models", models) == 0
    assert "index: 63 images embedded" in capsys.readouterr().out

    picture = tmp_path / "picture.png"
    Image.fromarray(squares.images_NHWC[17]).save(picture)
    find = ("find", picture, "--index", index, "--models", models)
    assert call(*find) == 0
    assert "a copy of image 17, p = 0.0066; nearest: 17 (1.000), " in capsys.readouterr().out

    # Embeddings of another network do not compare.
    publish_detector(models, tiny_detector(), STORY, "Apache-2.0")
    assert call(*find) == 1
    assert "another version of the detector" in capsys.readouterr().err


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("export", "--weights", tmp_path / "none.safetensors") == 1
    assert "none.safetensors: no such weights file" in capsys.readouterr().err
    assert call("find", tmp_path / "x.png", "--index", tmp_path) == 1
    assert "anime-gan copies index" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["train", "export", "index", "find", "evaluate"])
def test_help_teaches(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        call(verb, "--help")
    assert f"anime-gan copies {verb}" in capsys.readouterr().out
