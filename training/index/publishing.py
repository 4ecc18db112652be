"""Writes the files of an index and switches from one state to the next.

New files go beside those that the manifest names; then the manifest is replaced, atomically, and
what it no longer names is removed. Whoever has the index open keeps the old files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from animegan_search.ssim.index.manifest import MANIFEST, FileRecord, Manifest
from training.files import FolderInUseError, remove_leftovers, replacing, sha256, write, writing
from training.index.errors import IndexBusyError

REPLACEABLE = ("dead-*.npy", "heldout-*.npy", "nearest-*.npy")
"""Files that a new state of the index may do without."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Be the only process that changes the index; the lock ends with the process.

    Raises:
        IndexBusyError: another one is at it.
    """
    try:
        with writing(directory):
            yield
    except FolderInUseError as error:
        raise IndexBusyError(str(error)) from error


def store_array(directory: Path, name: str, array: np.ndarray) -> FileRecord:
    """Write an array, whole or not at all, and return its record."""
    with replacing(directory / name) as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return record(directory / name)


def record(path: Path) -> FileRecord:
    """What the manifest says about a file."""
    return FileRecord(path.name, path.stat().st_size, sha256(path))


def publish(directory: Path, manifest: Manifest) -> None:
    """Make this the state of the index, and remove what it no longer names."""
    path, content = directory / MANIFEST, manifest.encode()
    if not path.exists() or path.read_bytes() != content:  # servers reopen what was written
        write(path, content)
    named = {file.name for file in manifest.files()}
    for pattern in REPLACEABLE:
        for path in directory.glob(pattern):
            if path.name not in named:
                path.unlink(missing_ok=True)
    remove_leftovers(directory)
