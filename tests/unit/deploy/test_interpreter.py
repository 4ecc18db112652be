"""Which Python the stub embeds, and where its library comes from."""

import sys
from pathlib import Path

import pytest

from deploy.local import interpreter
from deploy.local.console import LocalStackError
from deploy.local.interpreter import Interpreter


def python(*library_folders: Path, version: str = "3.11") -> Interpreter:
    return Interpreter(Path(sys.executable), version, library_folders)


def test_the_choice_is_a_supported_version() -> None:
    choice = interpreter.choose()

    assert choice.version in interpreter.SUPPORTED
    assert choice.executable.is_file()


def test_no_supported_version_is_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interpreter, "SUPPORTED", ("2.7",))
    with pytest.raises(LocalStackError, match=r"runs on Python 2\.7; .* Install one"):
        interpreter.choose()


def test_the_library_beside_the_interpreter_is_linked_alone(tmp_path: Path) -> None:
    """The folder goes on LD_LIBRARY_PATH: its neighbours must not come along."""
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "libpython3.11.so.1.0").write_bytes(b"the library")
    (lib / "libstdc++.so.6").write_bytes(b"not ours to replace")

    interpreter.provide_libpython(python(tmp_path / "none", lib), tmp_path / "target")

    [link] = (tmp_path / "target").iterdir()
    assert link.name == "libpython3.11.so.1.0"
    assert link.read_bytes() == b"the library"


def test_a_missing_library_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no apt-get here
    with pytest.raises(LocalStackError, match=r"apt-get install libpython3\.99"):
        interpreter.provide_libpython(python(version="3.99"), tmp_path / "target")
