"""`anime-gan upscale` and `methods` as a user runs them, against the real service."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.integration.upscaler.material import FILTERS, MODELS, noise, pixels, png, run

TINY = MODELS[0]


@pytest.fixture
def anime_gan(service, tmp_path):
    def run_it(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "animegan_cli.main", *arguments],
            cwd=tmp_path,
            env={
                "ANIMEGAN_UPSCALER_TARGET": service.target,
                "PATH": "",
                "PYTHONPATH": ":".join(sys.path),
            },
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run_it


@pytest.fixture
def files(tmp_path) -> dict[str, np.ndarray]:
    pictures = {"a": noise(9, 12, seed=1), "b": noise(300, 301, seed=2), "c": noise(1, 1, seed=3)}
    for name, picture in pictures.items():
        (tmp_path / f"{name}.png").write_bytes(png(picture))
    return pictures


def test_many_files_into_a_folder(anime_gan, files, tmp_path):
    done = anime_gan("upscale", "a.png", "b.png", "c.png", "--out", "large/")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "large/a.png: 24x18, upscale_tiny_2x v1"
    for name, picture in files.items():
        large = pixels((tmp_path / "large" / f"{name}.png").read_bytes())
        assert np.array_equal(large, run(TINY, picture))
    assert len(list((tmp_path / "large").iterdir())) == 3


def test_options_reach_the_service(anime_gan, files, tmp_path):
    done = anime_gan(
        "upscale", "a.png", "--out", "large.webp", "--scale", "3", "--method", "other", "--noise",
        "0", "--tta", "--keep-metadata",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "large.webp: 36x27, upscale_other_1x_noise0 v1 + upscale_other_2x v1 + "
        "upscale_other_2x v1 + lanczos\n"
    )
    assert (tmp_path / "large.webp").read_bytes()[8:12] == b"WEBP"
    done = anime_gan("upscale", "a.png", "--out", "x.jpg", "--quality", "50", "--method", "lanczos")
    assert done.returncode == 0, done.stderr


def test_a_broken_picture_among_others(anime_gan, files, tmp_path):
    (tmp_path / "broken.png").write_bytes(png(files["a"])[:-40])
    done = anime_gan("upscale", "a.png", "missing.png", "broken.png", "c.png", "--out", "large")
    assert done.returncode == 1
    missing, broken = done.stderr.splitlines()
    assert missing == "anime-gan upscale: missing.png: No such file or directory"
    assert broken.startswith("anime-gan upscale: broken.png: INPUT: cannot be decoded")
    assert sorted(path.name for path in (tmp_path / "large").iterdir()) == ["a.png", "c.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["missing.png", "--out", "x.png"], 1, "missing.png"),
        (["a.png", "--out", "a.png"], 2, "--out: a.png would replace the picture itself"),
        (["a.png", "b.png", "--out", "x.png"], 2, "name a folder"),
        (["a.png", "a.png", "--out", "x/"], 2, "would both become x/a.png"),
        (["a.png", "--out", "x.gif"], 2, "for a folder end it with a slash"),
        (["a.png", "--out", "x.png", "--format", "webp"], 2, "x.png is called like a png"),
        ([".", "--out", "x/"], 2, ". is a folder"),
        (["a.png", "b.png", "--out", "x/", "--method", "magic"], 1, "`anime-gan methods` lists"),
        (["a.png", "--out", "x.png", "--scale", "9"], 2, "--scale: 9 is not within 1 and 8"),
        (["a.png", "b.png", "--out", "x/", "--noise", "3"], 2, "--noise: tiny cannot remove"),
        (["a.png", "--out", "x.png", "--quality", "5"], 2, "--quality: PNG has none"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_that_names_the_flag(anime_gan, files, arguments, code, told):
    done = anime_gan("upscale", *arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_methods_for_people_and_for_programs(anime_gan):
    lines = [line.split() for line in anime_gan("methods").stdout.splitlines()]
    assert lines[0] == ["METHOD", "DOES", "VERSION", "LICENCE", "DESCRIPTION"]
    assert lines[3][:5] == ["*", "tiny", "1x,", "noise", "1"]
    assert lines[-1][:3] == ["lanczos", "any", "scale"]
    names = [method["name"] for method in json.loads(anime_gan("methods", "--json").stdout)]
    assert names == ["other", "tiny", *FILTERS]
