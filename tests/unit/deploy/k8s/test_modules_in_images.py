"""An image holds every module that its service imports, told without a builder."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from deploy.k8s.checks.images import parse
from deploy.k8s.checks.subject import PROJECT

# Without `site` the checkout, which is installed as editable, is not on the path.
PROGRAM = "import sys; sys.path += sys.argv[1:]; import services.{}.__main__"


@pytest.mark.parametrize("service", ["generator", "similarity", "upscaler"])
def test_the_copied_folders_are_enough(service: str, tmp_path: Path):
    file = PROJECT / "deploy" / "images" / f"{service}.Dockerfile"
    for instruction in parse(file.read_text()):
        if instruction.name == "COPY" and " /app/" in instruction.text:
            source, target = instruction.text.split()
            copied = tmp_path / Path(target).relative_to("/app")
            copied = copied / Path(source).name if target.endswith("/") else copied
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.symlink_to(PROJECT / source)
    packages = sysconfig.get_path("purelib")
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM.format(service), str(tmp_path), packages],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
