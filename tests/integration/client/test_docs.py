"""The examples of docs/api/client.md, run as they stand."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "api" / "client.md"
DEFAULT_TARGET = "127.0.0.1:50051"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, target: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "ANIMEGAN_TARGET": target},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_examples_run_one_after_the_other(target, tmp_path):
    blocks = examples("python")
    assert len(blocks) == 6
    program = "\n".join(blocks).replace(DEFAULT_TARGET, target)
    shown = run([sys.executable, "-W", "error", "-c", program], tmp_path, target).splitlines()
    assert shown[:3] == [line for line in shown if " png 64 64 " in line]
    assert "1 2 [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]" in shown
    assert shown[-1].startswith("truncation ")
    assert len(list(tmp_path.glob("*.png"))) == 3


@pytest.mark.parametrize("line", "".join(examples("sh")).splitlines())
def test_a_command_runs(line, target, tmp_path):
    program, *arguments = shlex.split(line)
    assert program == "anime-gan"
    assert run([sys.executable, "-m", "animegan_cli.main", *arguments], tmp_path, target)
    if "--out" in arguments:
        assert list(tmp_path.iterdir())
