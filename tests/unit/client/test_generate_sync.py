"""The synchronous clients are what generate_sync.py writes, and it notices what is stale."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requires import require_module

PACKAGE = Path(__file__).parents[3] / "animegan_client"


def generate(package: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    require_module("unasync")
    command = [sys.executable, package / "generate_sync.py", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package in a folder of its own, as in a checkout."""
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE.parent / "pyproject.toml", tmp_path)
    return copy


def test_committed_code_is_up_to_date() -> None:
    done = generate(PACKAGE, "--check")
    assert done.returncode == 0, done.stderr


def test_what_is_changed_on_one_side_only_is_named_then_mended(copy: Path) -> None:
    source, written = copy / "generator" / "async_client.py", copy / "generator" / "client.py"
    source.write_text(source.read_text().replace("up to 256 of them", "up to 999 of them"))
    (copy / "connection.py").unlink()
    stale = generate(copy, "--check")
    assert stale.returncode == 1
    named = [line.partition(":")[0] for line in stale.stderr.splitlines()]
    assert named == [str(copy / "connection.py"), str(written)]
    assert "999" not in written.read_text()
    assert generate(copy).returncode == 0
    assert "999" in written.read_text()
    assert generate(copy, "--check").returncode == 0
    assert (copy / "connection.py").read_text() == (PACKAGE / "connection.py").read_text()


def test_nothing_of_asyncio_is_left() -> None:
    files = runpy.run_path(str(PACKAGE / "generate_sync.py"))["FILES"].values()
    written = [path for path in PACKAGE.rglob("*.py") if path.name in files]
    assert len(written) == 4
    for path in written:
        header, _, text = path.read_text().partition("\n")
        assert header.startswith("# Generated from async_"), path
        for word in ("async", "await", "event loop", "aclosing"):
            assert word not in text.lower(), (path, word)


def test_a_sentence_that_is_gone_from_the_source_is_told(copy: Path) -> None:
    source = copy / "async_connection.py"
    source.write_text(source.read_text().replace("what all asyncio clients are made on", "base"))
    done = generate(copy)
    assert done.returncode != 0
    assert "no asyncio client says any more: what all asyncio clients are made on" in done.stderr
