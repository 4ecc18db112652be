"""The example of docs/api/generator.md, run as it stands, and what the page says of limits."""

import re
import subprocess
import sys

from services.generator.settings import GeneratorSettings
from tests.integration.generator.service import PROJECT

PAGE = (PROJECT / "docs" / "api" / "generator.md").read_text()


def test_the_example_runs(service, tmp_path):
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("127.0.0.1:50051", service.target)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[:3]] == [["stylegan", "1", s] for s in "123"]
    assert lines[3:] == [f"{seed} 64 64" for seed in range(1000, 1500)]


def test_the_limits_are_those_of_the_settings():
    defaults = {name: field.default for name, field in GeneratorSettings.model_fields.items()}
    assert defaults["max_request_bytes"] == 2**20
    for text in (
        f"{defaults['max_images']} images per `Generate`, 1 MiB per request, "
        f"{defaults['max_images_in_flight']} images in flight",
        f"Calls without get {defaults['default_deadline_s']} s, streams one hour",
        f"last {defaults['canary_patience_s']} seconds",
        f":{defaults['metrics_port']}/metrics",
    ):
        assert text in " ".join(PAGE.split()), text
