"""`anime-gan dataset import`, as a user meets it: same bytes however it is run, nothing silent."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.requires import require_module
from tests.unit.training.datasets.pictures import encoded, pixels, write_folder, write_zip
from training.cli.dataset import main
from training.datasets import manifest
from training.datasets.growing import GrowingWriter
from training.datasets.store import Dataset

LICENCE = ["--licence", "CC0-1.0"]
SIZE = 8


def import_command(source: Path, out: Path, *more: str, kind: str = "folder") -> int:
    common = ["--out", str(out), "--size", str(SIZE), "--workers", "1", *LICENCE]
    return main(["import", kind, str(source), *common, *more])


def digest(directory: Path) -> str:
    return Dataset.open(directory, checksums=True).digest


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "SHARD_IMAGES", 4)


def test_a_folder_becomes_a_dataset(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 3)
    assert import_command(tmp_path / "pictures", tmp_path / "out", "--name", "mine") == 0
    dataset = Dataset.open(tmp_path / "out", checksums=True)
    assert (dataset.header.name, dataset.header.licence) == ("mine", "CC0-1.0")
    assert dataset.header.source["kind"] == "folder"
    for number, label in enumerate(dataset.labels):
        np.testing.assert_array_equal(dataset.images_NHWC[number], pixels(number))
        assert set(label) == {"id", "sha256"}
        assert label["id"] == f"{number:03d}.png"


def test_an_archive_and_a_folder_give_the_same_images(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pictures", 5)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    import_command(folder, tmp_path / "a")
    archive = write_zip(tmp_path / "b.zip", files)
    import_command(archive, tmp_path / "b", kind="zip")
    a, b = Dataset.open(tmp_path / "a"), Dataset.open(tmp_path / "b")
    assert a.shards == b.shards


def test_the_number_of_workers_does_not_matter(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 80)  # more than two tasks
    import_command(tmp_path / "pictures", tmp_path / "one")
    import_command(tmp_path / "pictures", tmp_path / "three", "--workers", "3")
    assert digest(tmp_path / "one") == digest(tmp_path / "three")


@pytest.mark.timeout(900)  # Ray takes long to start on a busy machine
def test_ray_gives_the_same_bytes(tmp_path: Path) -> None:
    require_module("ray")
    write_folder(tmp_path / "pictures", 80)
    import_command(tmp_path / "pictures", tmp_path / "here")
    # Ray leaves threads and warnings behind, so it gets a process of its own.
    command = [sys.executable, "-m", "animegan_cli.main", "dataset", "import", "folder"]
    command += [str(tmp_path / "pictures"), "--out", str(tmp_path / "ray"), "--size", str(SIZE)]
    result = subprocess.run(
        [*command, *LICENCE, "--workers", "2", "--ray"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert digest(tmp_path / "ray") == digest(tmp_path / "here")


def test_broken_pictures_are_skipped_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write_folder(tmp_path / "pictures", 3)
    whole = encoded(pixels(9, 40, 40))
    (pictures / "cut.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "empty.jpg").write_bytes(b"")
    (pictures / "notes.txt").write_text("hello")
    (pictures / "small.png").write_bytes(encoded(pixels(9, 7, 20)))
    assert import_command(pictures, tmp_path / "out") == 0
    assert "skipped 4" in capsys.readouterr().out
    lines = (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()
    reasons = {record["id"]: record["reason"] for record in map(json.loads, lines)}
    assert set(reasons) == {"notes.txt", "cut.png", "empty.jpg", "small.png"}
    assert reasons["empty.jpg"] == "broken, or of an unknown format"
    assert "--upscale" in reasons["small.png"]
    assert len(Dataset.open(tmp_path / "out")) == 3


def test_an_import_without_any_usable_picture_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"broken")
    assert import_command(tmp_path / "pictures", tmp_path / "out") == 1
    assert "skipped.jsonl says why" in capsys.readouterr().err


def test_a_licence_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["import", "folder", str(tmp_path), "--out", str(tmp_path / "out")]
    for wrong in ([], ["--licence", " "]):
        with pytest.raises(SystemExit):
            main([*command, *wrong])
        assert "--licence" in capsys.readouterr().err


def test_grey_and_size_and_kaggles_layout(tmp_path: Path) -> None:
    files = {f"images/{n}_20{n:02d}.jpg": encoded(pixels(n, 30, 24), "JPEG") for n in (3, 11)}
    archive = write_zip(tmp_path / "archive.zip", files)
    assert import_command(archive, tmp_path / "out", "--grey", kind="anime-faces") == 0
    dataset = Dataset.open(tmp_path / "out")
    assert dataset.images_NHWC.shape == (2, SIZE, SIZE, 1)
    assert [(label["number"], label["year"]) for label in dataset.labels] == [(3, 2003), (11, 2011)]


@pytest.mark.usefixtures("small_shards")
def test_a_hostile_archive_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_zip(tmp_path / "evil.zip", {"../up.png": encoded(pixels(0))})
    assert import_command(archive, tmp_path / "out", kind="zip") == 1
    assert "leaves its folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_same_command_again_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path / "pictures", 3)
    import_command(tmp_path / "pictures", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert import_command(tmp_path / "pictures", tmp_path / "out") == 0
    assert digest(tmp_path / "out") in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("change", ["source", "options"])
def test_another_import_into_the_same_directory_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    write_folder(tmp_path / "pictures", 3)
    import_command(tmp_path / "pictures", tmp_path / "out")
    if change == "source":
        write_folder(tmp_path / "pictures", 4)
    more = ["--upscale"] if change == "options" else []
    assert import_command(tmp_path / "pictures", tmp_path / "out", *more) == 1
    assert "choose another directory" in capsys.readouterr().err


def stop_after(images: int, patch: pytest.MonkeyPatch) -> None:
    """Interrupt an import after it has appended some images."""
    appended: list[object] = []
    append = GrowingWriter.append

    def interrupted(self: GrowingWriter, *arguments: object) -> None:
        append(self, *arguments)  # type: ignore[arg-type]
        appended.append(arguments)
        if len(appended) == images:
            raise KeyboardInterrupt

    patch.setattr(GrowingWriter, "append", interrupted)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("edited", ["002.png", "003-broken.png"])
@pytest.mark.parametrize("whole", [True, False])
def test_pictures_that_were_edited_in_place_are_noticed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    edited: str,
    whole: bool,
) -> None:
    pictures, out = write_folder(tmp_path / "pictures", 11), tmp_path / "out"
    (pictures / "003-broken.png").write_bytes(b"no picture " * 9)
    with monkeypatch.context() as patch:
        if not whole:
            stop_after(6, patch)
        assert import_command(pictures, out) == (0 if whole else 130)
    picture, before = pictures / edited, (pictures / edited).stat()
    picture.write_bytes(picture.read_bytes()[::-1])
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert picture.stat().st_size == before.st_size
    assert import_command(pictures, out) == 1
    said = capsys.readouterr().err
    assert f"1 pictures have changed since they were imported into {out}, {edited} among" in said


def test_pictures_far_larger_than_the_images_are_mentioned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write_folder(tmp_path / "pictures", 2)
    (pictures / "portrait.png").write_bytes(encoded(pixels(2, 90, 64)))
    (pictures / "small.png").write_bytes(encoded(pixels(2, 90, 63)))
    import_command(pictures, tmp_path / "out")
    said = capsys.readouterr().out
    assert "1 pictures are 8 times as large" in said and "portrait.png among them" in said
    assert "--faces largest" in said
    import_command(pictures, tmp_path / "small", "--size", "16", "--upscale")
    assert "--faces" not in capsys.readouterr().out


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("images", [1, 4, 9, 11])
def test_an_interrupted_import_goes_on_to_the_same_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    pictures = write_folder(tmp_path / "pictures", 11)
    for name in ("000a.png", "006b.png", "zzz.png"):
        (pictures / name).write_bytes(b"broken")
    import_command(pictures, tmp_path / "whole")

    with monkeypatch.context() as patch:
        stop_after(images, patch)
        assert import_command(pictures, tmp_path / "part") == 130
    appended: list[object] = []
    append = GrowingWriter.append
    monkeypatch.setattr(GrowingWriter, "append", lambda *a: (appended.append(a), append(*a)))
    assert import_command(pictures, tmp_path / "part") == 0
    assert len(appended) == 11 - images // 4 * 4  # whole shards were kept
    assert digest(tmp_path / "part") == digest(tmp_path / "whole")
    names = ("part", "whole")
    skipped = [(tmp_path / name / "skipped.jsonl").read_bytes() for name in names]
    assert skipped[0] == skipped[1]
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in names]
    assert files[0] == files[1]


PROGRAM = """
import multiprocessing, os, signal, sys
from training.datasets import growing, manifest
from training.cli.dataset import main

manifest.SHARD_IMAGES = 16
store_shard = growing.store_shard

def killed(directory, index, *rest):
    if index == 2:
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return store_shard(directory, index, *rest)

if __name__ == "__main__":
    if sys.argv.pop(1) == "killed":
        growing.store_shard = killed
    sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_import_goes_on_to_the_same_digest_and_leaves_no_process(tmp_path: Path) -> None:
    pictures = write_folder(tmp_path / "pictures", 70)
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(mode: str, out: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "program.py"), mode, "import", "folder"]
        options = [str(pictures), "--out", str(out), "--size", str(SIZE), "--workers", "2"]
        return subprocess.run(
            [*command, *options, *LICENCE], capture_output=True, text=True, check=False
        )

    killed = run("killed", tmp_path / "out")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "manifest.json").exists()
    workers = [int(pid) for pid in killed.stdout.split()]
    assert len(workers) == 2
    wait_for_the_end_of(workers)

    first = (tmp_path / "out" / "images-00000.npy").stat().st_mtime_ns
    assert run("whole", tmp_path / "out").returncode == 0
    assert (tmp_path / "out" / "images-00000.npy").stat().st_mtime_ns == first
    assert run("whole", tmp_path / "whole").returncode == 0
    digests = [
        json.loads((tmp_path / name / "manifest.json").read_text())["digest"]
        for name in ("out", "whole")
    ]
    assert digests[0] == digests[1]


def wait_for_the_end_of(processes: list[int]) -> None:
    deadline = time.monotonic() + 120
    while any(psutil.pid_exists(pid) and not is_zombie(pid) for pid in processes):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


def is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
