"""Versions of a model on a disk: whole, or not there at all.

A version is written into a hidden folder beside its goal, flushed to disk, and renamed. Triton
looks only at folders that are called like numbers, so whoever reads a repository never sees half of
one. A crash leaves at most a hidden folder, which the next publication removes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

_STAGING = ".staging-"


def stage(folder: Path, version: int, files: Mapping[str, bytes]) -> Path:
    """Write the files (name -> content) of a version into a hidden folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f"{_STAGING}*"):
        shutil.rmtree(left_over)
    staged = folder / f"{_STAGING}{version}"
    staged.mkdir()
    for name, content in files.items():
        write(staged / name, content)
    return staged


def reveal(staged: Path) -> Path:
    """Rename a staged version into place; return its folder.

    Raises:
        OSError: the version exists already.
    """
    return staged.rename(staged.with_name(staged.name.removeprefix(_STAGING)))


def replace(path: Path, content: bytes) -> None:
    """Put a file into the place of another, at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}")
    write(hidden, content)
    hidden.replace(path)


def write(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
