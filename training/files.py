"""Files that are either whole or absent, folders that one process writes, JSON in one spelling."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY_SUFFIX = ".tmp"
# Who writes a folder holds a lock on this file in it, which goes when the process ends.
LOCK = f".lock{TEMPORARY_SUFFIX}"


class FolderInUseError(ValueError):
    """Another process writes the folder; the message names both."""


def canonical(record: Any) -> bytes:
    """JSON on one line with sorted keys: equal records give equal bytes."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def pretty(record: Any) -> bytes:
    """JSON for people: indented, keys in their own order."""
    return json.dumps(record, indent=2, ensure_ascii=False).encode() + b"\n"


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Keep every other process from writing a folder, which is made where there is none.

    What is read in order to be changed is read inside of the block. Where the block leaves a new
    folder empty, it is removed again.

    Raises:
        FolderInUseError: another process writes it.
        OSError: it cannot be made, or its file system knows no locks.
    """
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    handle = _lock(folder)
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        os.close(handle)  # which ends the lock
        if new and not any(folder.iterdir()):
            folder.rmdir()


def _is_called(handle: int, path: Path) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock(folder: Path) -> int:
    """Lock a folder until the file that is returned is closed."""
    path = folder / LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have removed the file meanwhile: then it locks nothing.
            if _is_called(handle, path):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return handle
        except BlockingIOError as error:
            holder = os.read(handle, 200).decode(errors="replace") or "another process"
            os.close(handle)
            raise FolderInUseError(
                f"{folder} is being written by {holder}: wait until it ends, or choose another "
                "folder"
            ) from error
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def temporary_name(path: Path) -> Path:
    """A name beside `path` that no other process takes, on this machine or another one."""
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name}.{unique}{TEMPORARY_SUFFIX}")


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that are gone had begun to write into a folder: see `writing`, which
    is to be held, or files and folders of those that still write would go.
    """
    for path in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink(missing_ok=True)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Give a file that takes the name `path` when the block ends, once it is on the disk.

    When the block fails, what was there before stays.
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        handle = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
        _flush_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only once it is whole and on the disk; see `staged`."""
    with staged(path) as temporary, temporary.open("wb") as file:
        yield file


def write(path: Path, content: bytes) -> None:
    """Write a whole file, or leave what was there before."""
    with replacing(path) as file:
        file.write(content)


def _flush_directory(directory: Path) -> None:
    """Make a rename outlast a loss of power."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
