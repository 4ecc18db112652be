"""`anime-gan generate` and `models` as a user runs them, against the real service."""

import json
import subprocess
import sys

import pytest
from PIL import Image, ImageChops

from animegan_cli.sheets.contact import contact_sheet
from animegan_client import GeneratorClient


@pytest.fixture
def anime_gan(target, tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "animegan_cli.main", *arguments],
            cwd=tmp_path,
            env={"ANIMEGAN_TARGET": target, "PATH": ""},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_a_sheet_and_a_file_per_seed_in_one_run(anime_gan, target, tmp_path):
    done = anime_gan("generate", "--seeds", "1-5,3", "--out", "new/sheet.png", "--out", "faces/")
    assert (done.returncode, done.stderr) == (0, "")
    assert "new/sheet.png: contact sheet of 6 faces" in done.stdout
    with GeneratorClient(target) as client:
        images = client.generate(seeds=[1, 2, 3, 4, 5, 3]).images
    expected = contact_sheet([image.to_pil() for image in images])
    assert not ImageChops.difference(Image.open(tmp_path / "new/sheet.png"), expected).getbbox()
    files = {path.name: path.read_bytes() for path in (tmp_path / "faces").iterdir()}
    assert files == {f"seed-{image.seed}.png": image.data for image in images}


def test_options_reach_the_service(anime_gan, target, tmp_path):
    done = anime_gan(
        "generate", "--count", "2", "--base-seed", "8", "--truncation", "0.3", "--noise", "none",
        "--model", "stylegan_noisy", "--format", "jpeg", "--quality", "70", "--out", "faces/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with GeneratorClient(target) as client:
        images = client.generate(
            seeds=[8, 9], truncation=0.3, noise_mode="none", model="stylegan_noisy", format="jpeg",
            quality=70,
        ).images  # fmt: skip
    for image in images:
        assert (tmp_path / "faces" / f"seed-{image.seed}.jpg").read_bytes() == image.data


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--seeds", "1", "--truncation", "3"], 2, "--truncation: "),
        (["--seeds", "1", "--base-seed", "3"], 2, "--base-seed: "),
        (["--seeds", "1", "--noise", "random"], 2, "--noise: "),
        (["--count", "0"], 2, "--count: "),
        (["--seeds", "1", "--model", "cubist"], 1, "cubist"),
    ],
)
def test_a_refusal_is_one_line_that_names_the_flag(anime_gan, arguments, code, told, tmp_path):
    done = anime_gan("generate", *arguments, "--out", "sheet.png")
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()


def test_models_for_people_and_for_programs(anime_gan):
    table = anime_gan("models").stdout.splitlines()
    assert [line.split()[1] for line in table if line.startswith("*")] == ["stylegan"]
    models = json.loads(anime_gan("models", "--json").stdout)
    assert all(model["name"] in line for model, line in zip(models, table, strict=True))
    assert [model["name"] for model in models if model["is_default"]] == ["stylegan"]
