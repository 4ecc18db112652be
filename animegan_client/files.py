"""Files that appear under their names whole, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write beside `path` under a hidden name; at the end of the block the file gets its own.

    Whatever ends the block early, a full disk, Ctrl-C or SIGTERM, leaves no file behind, and one
    that stood there stays as it is. The folder is made. What is no file, such as a pipe or
    /dev/stdout, is written to as it is.

    Raises:
        OSError: it cannot be written; the error names `path`, or its folder.
    """
    path = Path(os.path.realpath(path))  # a link goes on pointing at what it points at
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as file:
            yield file
        return
    # Short, so that a name as long as names may be has one, too.
    staged = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with staged.open("xb") as file:
            yield file
        staged.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(staged)):
            raise  # it is about something else
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        staged.unlink(missing_ok=True)


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    with whole_file(path) as file:
        file.write(data)
