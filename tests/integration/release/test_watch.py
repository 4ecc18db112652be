"""`anime-gan models watch` on a real Triton: what a canary draws beside the stable version."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animegan_cli import main as cli
from deploy.local.triton import LocalTriton
from deploy.triton_admin import ADMIN_KEY_VARIABLE
from tests.integration.picture_generator import NAME, publish_pictures
from tests.integration.release.planted import (
    COUNT,
    TRAINING,
    Images,
    collapsed,
    copying,
    model,
    real_images,
    write_limits,
)
from training.cli.models.watch import WORSE
from training.release.actions import load
from training.release.errors import ReleaseError
from training.release.gate.contestant import Contestant
from training.release.publish import publish
from training.release.store import Store
from training.release.tritons import Address, Tritons
from training.release.watch import Served

CURRENT = model(poor=0.5)


class Platform:
    """A Triton that serves `CURRENT`, and what is needed to watch a candidate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        real = real_images(folder)
        self.card = {"dataset": {"name": "training", "digest": real["training"].digest}}
        self.exports, self.models = Store(folder / "exports"), Store(folder / "models")
        self.argv = ["models", "watch", "--models", self.models.url, "--count", str(COUNT)]
        self.argv += ["--limits", str(write_limits(folder / "limits.toml"))]
        self.argv += ["--cache", str(folder / "cache"), "--out", str(folder / "out")]
        for name, dataset in real.items():
            self.argv += [f"--{name}", str(dataset.directory)]

    def publish(self, images: Images, served: Images | None = None) -> None:
        """Make a model the candidate; the first one is stable at once."""
        publish_pictures(Path(self.exports.url), images, served, **self.card)
        publish(self.exports, self.models, NAME)

    def watch(self, triton: LocalTriton) -> tuple[int, set[str]]:
        """The exit code, and the keys of the checks that the candidate fails."""
        code = cli.main([*self.argv, "--triton", triton.grpc_url])
        story = json.loads((self.folder / "out" / f"{NAME}.json").read_text())
        return code, {check["key"] for check in story["checks"] if not check["passed"]}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    platform = Platform(tmp_path_factory.mktemp("watch"))
    platform.publish(CURRENT)
    return platform


@pytest.fixture(scope="module")
def triton(platform: Platform) -> Iterator[LocalTriton]:
    with LocalTriton(Path(platform.models.url), log=platform.folder / "triton.log") as triton:
        yield triton


@pytest.fixture(scope="module")
def tritons(triton: LocalTriton) -> Iterator[Tritons]:
    with Tritons([Address(triton.grpc_url, triton.settings.admin_key)]) as tritons:
        yield tritons


@pytest.fixture(autouse=True)
def key(triton: LocalTriton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADMIN_KEY_VARIABLE, triton.settings.admin_key)


def test_without_a_candidate_there_is_nothing_to_watch(platform, triton, capsys):
    assert cli.main([*platform.argv, "--triton", triton.grpc_url]) == 1
    assert "no candidate to watch, version 1 has all the traffic" in capsys.readouterr().err


def test_a_candidate_that_is_not_loaded_cannot_be_watched(platform, triton, capsys):
    platform.publish(CURRENT)
    assert cli.main([*platform.argv, "--triton", triton.grpc_url]) == 1
    assert "does not serve stylegan 2" in capsys.readouterr().err


COPYING = copying(CURRENT, TRAINING, share=0.1)


@pytest.mark.parametrize(
    ("images", "served", "faults"),
    [
        (CURRENT, None, set()),
        (collapsed(CURRENT[::-1], onto=4), None, {"recall", "coverage"}),
        (CURRENT, COPYING, {"max_ssim_95", "max_ssim_most", "detector_95", "detector_copies"}),
    ],
    ids=["the same model", "four pictures", "copies"],
)
def test_a_worse_candidate_is_told_from_the_same_model(
    images, served, faults, platform, triton, tritons, capsys
):
    platform.publish(images, served)
    load(platform.models, tritons, NAME)
    code, found = platform.watch(triton)
    assert faults <= found
    assert (code, bool(found)) == ((WORSE, True) if faults else (0, False))
    verdict = "worse than it may be" if faults else "as good as the stable version"
    assert verdict in capsys.readouterr().out


def test_a_version_that_does_not_draw_is_named_with_its_triton(platform, triton, tritons, tmp_path):
    part = replace(Contestant.fetch(platform.models, NAME, 1, tmp_path).part, version=99)
    with pytest.raises(ReleaseError, match=rf"Triton {triton.grpc_url}: {NAME} 99 fails: "):
        Served(tritons, part).draw([1], None, tmp_path)


def test_triton_draws_what_the_gate_saw(platform, tritons, tmp_path):
    version = Contestant.fetch(platform.models, NAME, 1, tmp_path / "fetched")
    for name, drawer in (("gate", version), ("triton", Served(tritons, version.part))):
        (tmp_path / name).mkdir()
        drawer.draw(range(20), None, tmp_path / name)
    ours, theirs = (sorted((tmp_path / name).iterdir()) for name in ("gate", "triton"))
    assert [file.name for file in ours] == [file.name for file in theirs]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(Image.open(one), Image.open(other))
