"""`python -m deploy.local demo`: pictures on disk, and nothing left running."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from animegan_client.sheet import GAP_PX
from deploy.local.demo import FACES
from deploy.local.processes import alive
from tests.integration.local.polling import until


@pytest.fixture
def command(model_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line; the stack's state goes below the test's folder."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    arguments = [f"--models={model_repository}", f"--out={tmp_path / 'out'}"]
    return [sys.executable, "-m", "deploy.local", "demo", *arguments]


def started_by(demo: psutil.Process) -> list[psutil.Process]:
    """What the demo runs: Triton, its stubs, the generator, the watchdog."""
    return demo.children(recursive=True)


def test_it_writes_64_faces_and_a_sheet(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stderr
    faces = [Image.open(tmp_path / "out" / "faces" / f"{seed}.png") for seed in range(1, 65)]
    assert len(list((tmp_path / "out" / "faces").iterdir())) == FACES == len(faces)
    assert {face.size for face in faces} == {(64, 64)}
    assert len({face.tobytes() for face in faces}) == FACES

    sheet = np.asarray(Image.open(tmp_path / "out" / "sheet.png"))
    assert sheet.shape == (8 * (64 + GAP_PX) + GAP_PX,) * 2 + (3,)
    first = sheet[GAP_PX : GAP_PX + 64, GAP_PX : GAP_PX + 64]
    np.testing.assert_array_equal(first, np.asarray(faces[0]))

    assert f"{FACES}/{FACES}" in done.stderr, "the progress bar came to its end"
    assert str(tmp_path / "out" / "sheet.png") in done.stderr
    assert not list((tmp_path / "temporary").glob("anime-gan-demo-*"))


def test_an_interrupted_demo_stops_what_it_started(command: list[str], tmp_path: Path) -> None:
    """By SIGTERM, taken for Ctrl-C: background jobs inherit an ignored SIGINT."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as demo:
        until(lambda: len(started_by(psutil.Process(demo.pid))) >= 2)
        family = started_by(psutil.Process(demo.pid))
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(timeout=120) == 130

    assert not any(alive(member) for member in family)
    assert not list((tmp_path / "temporary").glob("anime-gan-demo-*"))
