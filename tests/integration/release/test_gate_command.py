"""`anime-gan models gate` from two repositories to its exit code."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animegan_client import cli
from tests.integration.tiny_models import STYLEGAN, at_version, write_model

IMAGES = 16


def pictures(folder: Path, count: int, seed: int) -> Path:
    """A folder of random pictures of the model's size."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for place in range(count):
        pixels = rng.integers(0, 256, (STYLEGAN.resolution, STYLEGAN.resolution, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
    return folder


def repository(folder: Path, version: int = 1) -> Path:
    """A repository whose version 1 has the weights of `version`, with a card as exports have it."""
    model = at_version(STYLEGAN, version)
    file = write_model(folder, model) / "1" / "model_card.json"
    told = {"contract": "generator", "parity": {"max_levels": 0}}
    file.write_text(json.dumps(json.loads(file.read_text()) | told))
    return folder


@pytest.mark.parametrize(("fd_ratio", "code"), [(1e6, 0), (1.0, 1)])
def test_the_exit_code_is_the_verdict(fd_ratio, code, tmp_path, capsys):
    limits = tmp_path / "limits.toml"
    # Any candidate is at most a million times slower; its FD is that of other weights.
    limits.write_text(f"parity_levels = 0\nlatency_ratio = 1e6\n[figures.fd]\nratio = {fd_ratio}\n")
    better, worse = repository(tmp_path / "better", 1), repository(tmp_path / "worse", 2)
    argv = ["models", "gate", "--count", str(IMAGES), "--limits", str(limits)]
    argv += ["--dataset", str(pictures(tmp_path / "heldout", 2 * IMAGES, 1))]
    argv += ["--training", str(pictures(tmp_path / "training", IMAGES, 2))]
    argv += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    codes = {
        cli.main([*argv, "--candidate", str(one), "--models", str(other)])
        for one, other in ((better, worse), (worse, better))
    }
    assert max(codes) == code  # with a ratio of 1 the worse of the two is refused
    assert ("is refused" in capsys.readouterr().out) == bool(code)
    story = json.loads((tmp_path / "out" / "stylegan.json").read_text())
    assert [check["name"] for check in story["checks"]][-1].startswith("FD")
    shared = [check for check in story["checks"] if check["name"].startswith("share of the unseen")]
    assert [check["candidate"] for check in shared] == [0]


def test_a_candidate_is_not_measured_by_images_of_its_training(tmp_path, capsys):
    limits = tmp_path / "limits.toml"
    limits.write_text("parity_levels = 0\nlatency_ratio = 1e6\n[figures.fd]\nat_most = 1e9\n")
    training = pictures(tmp_path / "training", 2 * IMAGES, 1)
    heldout = pictures(tmp_path / "heldout", 2 * IMAGES, 2)
    (heldout / "0.png").write_bytes((training / "3.png").read_bytes())
    argv = ["models", "gate", "--count", str(IMAGES), "--limits", str(limits)]
    argv += ["--candidate", str(repository(tmp_path / "new")), "--models", str(tmp_path / "none")]
    argv += ["--dataset", str(heldout), "--training", str(training)]
    argv += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    assert cli.main(argv) == 1
    assert f"1 of {2 * IMAGES} images of heldout" in capsys.readouterr().err
    assert cli.main([*argv, "--allow-overlap"]) == 0
    story = json.loads((tmp_path / "out" / "stylegan.json").read_text())
    assert 1 / (2 * IMAGES) in [check["candidate"] for check in story["checks"]]


def test_a_candidate_that_is_not_there_is_refused(tmp_path, capsys):
    argv = ["models", "gate", "--candidate", str(tmp_path), "--models", str(tmp_path)]
    assert cli.main([*argv, "--dataset", str(tmp_path), "--training", str(tmp_path)]) == 1
    assert "has no stylegan; there are: no models" in capsys.readouterr().err
