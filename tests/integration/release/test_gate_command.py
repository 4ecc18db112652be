"""`anime-gan models gate` from two repositories to its exit code."""

import json
from pathlib import Path

import numpy as np
import pytest

from animegan_cli import main as cli
from tests.integration.picture_generator import publish_pictures
from tests.integration.release.planted import (
    COUNT,
    collapsed,
    model,
    mosaics,
    real_images,
    write,
    write_limits,
)
from training.datasets.store import Dataset


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    return real_images(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def gate(tmp_path: Path, cache: Path, real: dict[str, Dataset], *more: str) -> int:
    argv = ["models", "gate", "--count", str(COUNT), "--cache", str(cache)]
    argv += ["--candidate", str(tmp_path / "candidate"), "--models", str(tmp_path / "models")]
    argv += ["--limits", str(write_limits(tmp_path / "limits.toml")), "--out", str(tmp_path)]
    for name, dataset in real.items():
        argv += [f"--{name}", str(dataset.directory)]
    return cli.main([*argv, *more])


@pytest.mark.parametrize(("onto", "code"), [(None, 0), (1, 1)])
def test_the_exit_code_is_the_verdict(onto, code, real, cache, tmp_path, capsys):
    card = {"dataset": {"name": "training", "digest": real["training"].digest}}
    images = model(poor=0.5)
    publish_pictures(tmp_path / "models", images, **card)
    publish_pictures(tmp_path / "candidate", collapsed(images, onto) if onto else images, **card)
    assert gate(tmp_path, cache, real) == code
    assert ("is refused" if code else "may be published") in capsys.readouterr().out
    story = json.loads((tmp_path / "stylegan.json").read_text())
    found = {check["key"]: check for check in story["checks"]}
    assert {"parity_levels", "latency_8", "images", "coverage", "detector_copies"} <= set(found)
    assert found["recall"]["passed"] == story["passed"] == (code == 0)
    assert found["recall"]["current"]["value"] > 0.3
    assert found["parity_levels"]["passed"]
    assert story["same"] == (code == 0)
    unseen = len(real["dataset"])
    assert f"({COUNT} drawn; half of {unseen} unseen real ones)" in found["images"]["name"]


def test_the_first_version_is_held_to_absolute_limits(real, cache, tmp_path):
    card = {"dataset": {"name": "training", "digest": real["training"].digest}}
    publish_pictures(tmp_path / "candidate", collapsed(model(poor=0.5), onto=1), **card)
    assert gate(tmp_path, cache, real) == 1
    checks = json.loads((tmp_path / "stylegan.json").read_text())["checks"]
    assert {c["key"] for c in checks if not c["passed"]} == {"recall", "coverage"}


def test_copies_are_not_looked_for_among_images_that_no_training_saw(real, cache, tmp_path, capsys):
    card = {"dataset": {"name": "training", "digest": real["training"].digest}}
    publish_pictures(tmp_path / "candidate", model(poor=0.5), **card)
    other = write(tmp_path / "other", mosaics(COUNT, seed=5), "other")
    assert gate(tmp_path, cache, real | {"training": other}) == 1
    told = capsys.readouterr().err
    assert other.digest in told and real["training"].digest in told
    assert not (tmp_path / "stylegan.json").exists()


def test_a_candidate_is_not_measured_by_images_of_its_training(real, cache, tmp_path, capsys):
    training = np.asarray(real["training"].images_NHWC)
    unseen = np.asarray(real["dataset"].images_NHWC).copy()
    unseen[0] = training[3]
    heldout = write(tmp_path / "heldout", unseen, "heldout")
    card = {"dataset": {"name": "training", "digest": real["training"].digest}}
    publish_pictures(tmp_path / "candidate", model(poor=0.5), **card)
    sets = real | {"dataset": heldout}
    assert gate(tmp_path, cache, sets) == 1
    assert f"1 of {len(unseen)} images of heldout" in capsys.readouterr().err
    assert gate(tmp_path, cache, sets, "--allow-overlap") == 0
    checks = json.loads((tmp_path / "stylegan.json").read_text())["checks"]
    [share] = [check for check in checks if check["key"] == "overlap"]
    assert share["candidate"]["value"] == 1 / len(unseen)


def test_a_candidate_that_is_not_there_is_refused(tmp_path, capsys):
    argv = ["models", "gate", "--candidate", str(tmp_path), "--models", str(tmp_path)]
    assert cli.main([*argv, "--dataset", str(tmp_path), "--training", str(tmp_path)]) == 1
    assert "has no stylegan; there are: no models" in capsys.readouterr().err
