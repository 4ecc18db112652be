"""The example of docs/api/upscaler.md, run as it stands, and what the page says of limits."""

import re
import subprocess
import sys

from PIL import Image

from services.upscaler.settings import UpscalerSettings
from services.upscaler.tiling import TileSettings
from tests.integration.generator.service import PROJECT
from tests.integration.upscaler.material import noise, png

PAGE = (PROJECT / "docs" / "api" / "upscaler.md").read_text()


def test_the_example_runs(service, tmp_path):
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "face.png").write_bytes(png(noise(12, 10)))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("127.0.0.1:50052", service.target)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "40 (('upscale_tiny_2x', 1), ('upscale_tiny_2x', 1))"
    assert lines[1] == "25 lanczos"
    assert lines[2] == "lanczos"
    assert "no picture" in lines[3]
    assert [line.split()[0] for line in lines[4:]] == [
        *("other", "tiny"),
        *("nearest", "bilinear", "bicubic", "lanczos"),
    ]
    for name, size in (("large.png", (40, 48)), ("larger.png", (25, 30))):
        with Image.open(tmp_path / name) as image:
            assert image.size == size


def test_the_limits_are_those_of_the_settings():
    defaults = {name: field.default for name, field in UpscalerSettings.model_fields.items()}
    assert defaults["max_request_bytes"] == 16 * 2**20
    assert defaults["max_picture_bytes"] == 256 * 2**20
    assert TileSettings().whole_pixels == 512 * 512
    for text in (
        f"{defaults['max_input_pixels']:,} pixels and, in a stream, 256 MiB",
        f"{defaults['max_unary_pixels']:,} pixels in a unary call",
        f"{defaults['max_output_pixels']:,} in a stream",
        f"take {defaults['max_collected_pixels']:,}.",
        f"{defaults['max_images_in_flight']} pictures are in flight",
        f"of which a stream takes {defaults['stream_window']}",
        f"within the last {defaults['canary_patience_s']} seconds",
        f":{defaults['metrics_port']}/metrics",
        f"default, `{defaults['default_method']}`",
    ):
        assert text in " ".join(PAGE.split()), text
