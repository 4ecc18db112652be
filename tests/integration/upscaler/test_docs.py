"""The examples of docs/api/upscaler.md, run as they stand, and what the page says of limits."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from services.upscaler.engine.tiling import TileSettings
from services.upscaler.pipeline import CHUNK_BYTES
from services.upscaler.settings import UpscalerSettings
from tests.integration.generator.service import PROJECT
from tests.integration.upscaler.material import noise, png

PAGE = (PROJECT / "docs" / "api" / "upscaler.md").read_text()
DEFAULTS = {name: field.default for name, field in UpscalerSettings.model_fields.items()}


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, target: str) -> list[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "ANIMEGAN_UPSCALER_TARGET": target},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_python_examples_run(service, tmp_path):
    """One after the other: the stream takes a file that the client has made."""
    (tmp_path / "face.png").write_bytes(png(noise(20, 30)))
    blocks = examples("python")
    assert len(blocks) == 2
    program = "\n".join(blocks).replace("127.0.0.1:50052", service.target)
    shown = run([sys.executable, "-W", "error", "-c", program], tmp_path, service.target)
    assert shown[0] == "60 40 (('upscale_tiny_2x', 1),)"
    assert "105 70 lanczos" in shown
    i = shown.index("png")
    assert shown[i + 1].startswith("chunk: no picture that can be read")
    assert shown[i + 2] == "options.scale: 9 is not within 1 and 8; leave it out: 2"
    assert shown[i + 4] == "tiny [(1, 1), (2, -1), (2, 1)]"
    assert [line for line in shown if "complete" in line] == [
        f"{name} complete, {(tmp_path / f'4x-{name}').stat().st_size} bytes"
        for name in ("face.png", "large.png")
    ]
    with (
        Image.open(tmp_path / "larger.webp") as larger,
        Image.open(tmp_path / "4x-large.png") as largest,
    ):
        assert (larger.size, largest.size) == ((105, 70), (240, 160))


@pytest.mark.parametrize("line", "".join(examples("sh")).splitlines())
def test_a_command_runs(line, service, tmp_path):
    program, *arguments = shlex.split(line)
    assert program == "anime-gan"
    (tmp_path / "face.png").write_bytes(png(noise(20, 30)))
    shown = run([sys.executable, "-m", "animegan_cli.main", *arguments], tmp_path, service.target)
    if "--out" in arguments:
        assert ": " in shown[0]
        assert (tmp_path / shown[0].partition(": ")[0]).is_file()


def test_limits_are_those_of_the_settings():
    rows = dict(re.findall(r"^\| [^|]+ \| ([\d,]+)[^|]*\| `(\w+)`", PAGE, re.MULTILINE))
    assert len(rows) >= 6
    table = {setting: int(limit.replace(",", "")) for limit, setting in rows.items()}
    assert table == {name: DEFAULTS[name] for name in table}


def test_figures_in_the_text():
    side = round(TileSettings.whole_pixels**0.5)
    for text in (
        f"of a stream {DEFAULTS['stream_window']} at most |",
        f"default, `{DEFAULTS['default_method']}`",
        f"within the last {DEFAULTS['canary_patience_s']} seconds",
        f":{DEFAULTS['metrics_port']}/metrics",
        f"port {DEFAULTS['port']}:",
        f"up to {CHUNK_BYTES // 1024} KiB",
        f"above {side}x{side} pixels",
    ):
        assert text in " ".join(PAGE.split()), text
