"""`anime-gan index`, as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from animegan_search.ssim.index import Index
from tests.requires import require_module
from tests.unit.search.ssim.index.material import noise, write_dataset, write_index
from training.cli.index import main
from training.datasets.store import Dataset

HELDOUT = noise(99, seed=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three datasets."""
    write_dataset(tmp_path / "faces", noise(40, seed=1))
    write_dataset(tmp_path / "more", noise(5, seed=2))
    write_dataset(tmp_path / "heldout", HELDOUT)
    return tmp_path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_the_life_of_an_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, cache = folder / "indexes" / "faces", ("--cache", folder / "cache")
    assert run("build", "--dataset", folder / "faces", "--heldout", folder / "heldout",
               "--out", out, "--shard-images", 16, "--workers", 1, *cache) == 0  # fmt: skip
    text = capsys.readouterr().out
    assert "40 images of 12 x 12 x 3, uniform7, 3 shards, 0 removed" in text
    assert "99 images of heldout: a picture above SSIM" in text
    assert "with 1% false alarms (0.03% to 3.66%, 95% confidence)" in text

    assert run("append", out, "--dataset", folder / "more", "--no-calibration", *cache) == 0
    assert "stale: run `anime-gan index calibrate`" in capsys.readouterr().out
    (folder / "ids.txt").write_text("40\n\n 44 \n")
    assert run("remove", out, "--ids-file", folder / "ids.txt", "--no-calibration") == 0
    assert run("calibrate", out, *cache) == 0
    assert "43 images of 12 x 12 x 3, uniform7, 4 shards, 2 removed" in capsys.readouterr().out
    assert run("remove", out, "--ids", 0, 7) == 0
    assert run("verify", out) == 0
    assert Index.open(out).digest in capsys.readouterr().out


def test_heldout_images_that_are_the_indexs_own_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One held-out image is the mirror image of one of the index, in each way to get there."""
    faces = Dataset.open(folder / "faces").images_NHWC
    seen = write_dataset(folder / "seen", np.stack([*HELDOUT[:9], faces[7][:, ::-1]])).directory
    unseen = write_dataset(folder / "unseen", HELDOUT[9:]).directory
    build, message = ("build", "--dataset", folder / "faces", "--out"), "1 of 10 images of seen"
    cache = ("--cache", folder / "cache")
    assert run(*build, folder / "a", "--heldout", seen, *cache) == 1
    assert message in capsys.readouterr().err
    assert not (folder / "a").exists()

    index = folder / "b"
    assert run(*build, index, "--heldout", unseen, *cache) == 0
    assert run("calibrate", index, "--heldout", seen, *cache) == 1
    assert f"{message} (10.0%) are images of b, or nearly" in capsys.readouterr().err
    assert run("calibrate", index, *cache) == 0

    copies = write_dataset(folder / "copies", HELDOUT[9:12][:, :, ::-1]).directory
    assert run("append", index, "--dataset", copies, *cache) == 1
    assert "3 of 90 images of unseen (3.3%) are images of copies" in capsys.readouterr().err
    assert Index.open(index).count == 40
    # What was built before this was looked at is found when it is calibrated again.
    write_index(folder / "c", np.asarray(faces), HELDOUT[:3])
    write_index(folder / "d", np.asarray(faces), np.asarray(Dataset.open(seen).images_NHWC))
    assert run("calibrate", folder / "c", *cache) == 0
    assert run("calibrate", folder / "d", *cache) == 1


def test_the_list_shows_what_is_whole_and_names_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    indexes = tmp_path / "indexes"
    write_index(indexes / "plain", noise(20, seed=1))
    write_index(indexes / "judging", noise(20, seed=1), HELDOUT)
    assert run("list", "--indexes", indexes) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["index", "judging", "plain"]
    assert [line.split()[-1] for line in lines] == ["verdicts", "yes", "no"]

    (indexes / "plain" / "ids-00000.npy").unlink()
    assert run("list", "--indexes", indexes, "--json") == 1
    captured = capsys.readouterr()
    assert [index["name"] for index in json.loads(captured.out)] == ["judging"]
    assert "ids-00000.npy is missing" in captured.err


def test_an_empty_folder_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "--indexes", tmp_path / "none") == 0
    assert "make one with `anime-gan index build`" in capsys.readouterr().err


def test_a_damaged_index_does_not_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_index(tmp_path / "i", noise(20, seed=1)).directory / "tiles-00000.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    assert run("verify", tmp_path / "i", "--quick") == 0
    assert run("verify", tmp_path / "i") == 1
    error = capsys.readouterr().err
    assert "tiles-00000.npy does not match its checksum" in error
    assert "anime-gan index build" in error


def test_errors_are_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ids.txt").write_text("1\ntwo\n")
    write_index(folder / "i", noise(20, seed=1))
    for arguments, message in (
        (("build", "--dataset", folder / "no"), "holds no dataset"),
        (("append", folder / "no", "--dataset", folder / "more"), "holds no index"),
        (("calibrate", folder / "faces"), "is not the manifest of an animegan-ssim-index"),
        (("calibrate", folder / "i"), "was never calibrated: give held-out images"),
        (("remove", folder / "i", "--ids-file", folder / "ids.txt"), "line 2 of"),
        (("remove", folder / "i", "--ids", 20), "i holds no image 20"),
    ):
        assert run(*arguments) == 1
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error


@pytest.mark.timeout(900)  # Ray takes long to start on a busy machine
def test_ray_gives_the_same_bytes(folder: Path) -> None:
    require_module("ray")
    options = ["--dataset", folder / "faces", "--heldout", folder / "heldout", "--name", "i"]
    options += ["--shard-images", 16, "--workers", 2, "--cache", folder / "cache"]
    assert run("build", *options, "--out", folder / "here") == 0
    # Ray leaves threads and warnings behind, so it gets a process of its own.
    command = [sys.executable, "-m", "animegan_cli.main", "index", "build", *options, "--ray"]
    result = subprocess.run(
        [*map(str, command), "--out", str(folder / "ray")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    here, ray = ({p.name: p.read_bytes() for p in (folder / n).iterdir()} for n in ("here", "ray"))
    assert here == ray
