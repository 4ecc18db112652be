"""`python -m demo`: pictures on disk, and nothing left running."""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from animegan_cli.sheets.contact import GAP_PX
from demo.faces import DRAWN, FACES, TRUNCATION
from deploy.local.processes import alive
from tests.integration.generator import reference
from tests.integration.local.polling import until
from tests.integration.similarity.material import write_repository
from tests.unit.search.ssim.index.material import noise, write_index


@pytest.fixture
def command(model_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line; the stack's state goes below the test's folder."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    arguments = [f"--models={model_repository}", f"--out={tmp_path / 'out'}"]
    return [sys.executable, "-m", "demo", *arguments]


def started_by(demo: psutil.Process) -> list[psutil.Process]:
    """What the demo runs: Triton, the services, the supervisor."""
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

    assert "\r" not in done.stderr, "a log takes no progress bar"
    assert str(tmp_path / "out" / "sheet.png") in done.stderr
    assert not list((tmp_path / "temporary").glob("anime-gan-demo-*"))
    assert not (tmp_path / "out" / "drawn.png").exists(), "there is no such model"


def test_it_shows_the_nearest_training_images_and_verdicts(
    command: list[str], model_repository: Path, tmp_path: Path
) -> None:
    """With a small index in the default one's place, which holds the picture of one seed."""
    repository = write_repository(tmp_path / "models")
    shutil.copytree(model_repository / "stylegan", repository / "stylegan")
    shutil.copytree(model_repository / "stylegan", repository / DRAWN)
    config = repository / DRAWN / "config.pbtxt"
    config.write_text(config.read_text().replace('"stylegan"', f'"{DRAWN}"'))
    truncation = np.full((1, 1), TRUNCATION, np.float32)
    onnx_file = model_repository / "stylegan" / "1" / "model.onnx"
    known = reference.images(onnx_file, [5], truncation=truncation)
    faces = np.concatenate([known, noise(19, seed=1, size=64)])
    write_index(tmp_path / "indexes" / "procedural-64", faces, noise(120, seed=2, size=64))
    more = [f"--models={repository}", f"--indexes={tmp_path / 'indexes'}"]
    done = subprocess.run(
        [*command, *more], capture_output=True, text=True, timeout=280, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Searching the index procedural-64 in " in done.stderr
    assert re.search(r"^[0-9]+ of 64 original", done.stderr, re.MULTILINE)
    assert re.search(r"^ *5\.png  #0 +1\.0000  0\.00826  copy$", done.stderr, re.MULTILINE)
    records = json.loads((tmp_path / "out" / "nearest.json").read_text())
    assert [record["file"] for record in records] == [f"{seed}.png" for seed in range(1, 65)]
    assert records[4]["matches"][0]["id"] == 0
    with Image.open(tmp_path / "out" / "nearest.png") as sheet:
        assert sheet.width > 1000
    # The second model has the first one's weights here, so its faces are the same.
    sheets = [(tmp_path / "out" / name).read_bytes() for name in ("sheet.png", "drawn.png")]
    assert sheets[0] == sheets[1]
    assert len(list((tmp_path / "out" / "drawn").iterdir())) == FACES


def test_an_interrupted_demo_stops_what_it_started(command: list[str], tmp_path: Path) -> None:
    """By SIGTERM, taken for Ctrl-C: background jobs inherit an ignored SIGINT."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as demo:
        until(lambda: len(started_by(psutil.Process(demo.pid))) >= 2)
        family = started_by(psutil.Process(demo.pid))
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(timeout=120) == 130

    assert not any(alive(member) for member in family)
    assert not list((tmp_path / "temporary").glob("anime-gan-demo-*"))
