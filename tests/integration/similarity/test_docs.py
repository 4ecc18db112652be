"""The example of docs/api/similarity.md, run as it stands, and what the page says of limits."""

import re
import subprocess
import sys

from services.similarity.settings import SimilaritySettings
from tests.integration.generator.service import PROJECT
from tests.integration.similarity.material import COLOUR, png

PAGE = (PROJECT / "docs" / "api" / "similarity.md").read_text()


def test_the_example_runs(service, tmp_path):
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "face.png").write_bytes(png(COLOUR[8]))
    (tmp_path / "other.png").write_bytes(png(COLOUR[9]))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("127.0.0.1:50053", service.target)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0][0] == "8"
    assert float(lines[0][1]) > 1 - 1e-12
    assert lines[4][1] == "copy"
    assert [line[0] for line in lines[5:8]] == ["8", "9", "failed:"]
    assert [line[0] for line in lines[8:]] == ["colour", "grey"]
    assert (tmp_path / "map.png").is_file()


def test_the_limits_are_those_of_the_settings():
    defaults = {name: field.default for name, field in SimilaritySettings.model_fields.items()}
    assert defaults["max_request_bytes"] == 16 * 2**20
    for text in (
        f"16 MiB per request, {defaults['max_pixels']:,} pixels",
        f"k up to {defaults['max_k']:,}, {defaults['max_images_in_flight']} queries in flight",
        f"of which a stream takes {defaults['stream_window']} at most",
        f"within the last {defaults['canary_patience_s']} seconds",
        f":{defaults['metrics_port']}/metrics",
        f"default, `{defaults['default_index']}`",
    ):
        assert text in " ".join(PAGE.split()), text
