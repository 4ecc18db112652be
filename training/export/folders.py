"""Versions of a model on a disk: whole, or not there at all.

A version is written into a hidden folder beside its goal, flushed to disk, and renamed. Triton
looks only at folders that are called like numbers, so whoever reads a repository never sees half of
one. A crash leaves at most a hidden folder, which the next publication removes while it holds the
model's lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from training import files


@contextmanager
def publishing(models: Sequence[Path]) -> Iterator[None]:
    """Be the only process that writes these models' folders; leftovers of killed ones go.

    Raises:
        FolderInUseError: another one is at it.
    """
    with ExitStack() as locks:
        for folder in sorted(set(models)):
            locks.enter_context(files.writing(folder))
            files.remove_leftovers(folder)
        yield


def stage(folder: Path, version: int, content: Mapping[str, bytes]) -> Path:
    """Write the files (name -> content) of a version into a hidden folder and return it."""
    staged = files.temporary_name(folder / str(version))
    staged.mkdir(parents=True)
    for name, each in content.items():
        files.write(staged / name, each)
    return staged


def reveal(staged: Path) -> Path:
    """Rename a staged version into place; return its folder.

    Raises:
        OSError: the version exists already.
    """
    return staged.rename(staged.with_name(staged.name.split(".")[1]))


def replace(path: Path, content: bytes) -> None:
    """Put a file into the place of another, at once; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, content)
