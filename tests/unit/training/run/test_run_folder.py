"""What a run's folder tells of the code."""

from pathlib import Path

import pytest

from training.run.folder import git_commit


def test_it_is_unknown_where_there_is_no_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() == "unknown"
