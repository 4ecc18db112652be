"""Files appear whole or not at all, and one process at a time writes a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.files import (
    LOCK,
    FolderInUseError,
    remove_leftovers,
    replacing,
    temporary_name,
    write,
    writing,
)

HOLD = """
import pathlib, sys
from training.files import writing
with writing(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "a", b"old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a") as file:
        file.write(b"new")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_two_writers_of_one_file_have_names_of_their_own(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "a") as other:
        one.write(b"one")
        other.write(b"other")
    assert (tmp_path / "a").read_bytes() == b"one"  # the outer block ends last
    assert temporary_name(tmp_path / "a") != temporary_name(tmp_path / "a")


def test_one_process_at_a_time_writes_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        told = rf"run is being written by process {holder.pid} on .+: wait"
        with pytest.raises(FolderInUseError, match=told), writing(folder):
            pass
        remove_leftovers(folder)
        with pytest.raises(FolderInUseError), writing(folder):
            pass
        holder.kill()
    with writing(folder):  # the lock has ended with its process
        assert (folder / LOCK).exists()


def test_a_lock_leaves_nothing(tmp_path: Path) -> None:
    with writing(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    with writing(tmp_path / "new"), writing(tmp_path / "other"):
        write(tmp_path / "new" / "a", b"")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]
    (tmp_path / "there").mkdir()
    with writing(tmp_path / "there"):
        pass
    assert (tmp_path / "there").is_dir()
