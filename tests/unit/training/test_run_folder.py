"""What a run's folder tells of the code."""

import re
from pathlib import Path

import pytest

from tests.requires import require_program
from training.run_folder import git_commit


def test_the_commit_of_this_checkout() -> None:
    require_program("git")
    assert re.fullmatch("[0-9a-f]{40}|unknown", git_commit())


def test_it_is_unknown_where_there_is_no_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() == "unknown"
