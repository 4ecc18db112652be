"""Pictures in a folder and the folders below it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from training.datasets.growing import Skipped
from training.datasets.importing.source import (
    MAX_FILE_BYTES,
    NOT_A_PICTURE,
    TOO_LARGE,
    Entry,
    Inventory,
    SourceError,
    UnusablePictureError,
    is_picture,
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Every picture below a folder, in the order of their paths; links are not followed."""

    root: Path

    def describe(self) -> dict[str, Any]:
        """See `Source.describe`."""
        return {"kind": "folder"}

    def inventory(self) -> Inventory:
        """See `Source.inventory`."""
        if not self.root.is_dir():
            raise SourceError(f"{self.root} is not a folder")
        entries, skipped = [], []
        for directory, folders, names in os.walk(self.root, onerror=_give_up):
            links = [name for name in folders if Path(directory, name).is_symlink()]
            for name in names + links:
                path = Path(directory, name)
                identity = path.relative_to(self.root).as_posix()
                found = path.lstat()
                reason = _reason_to_skip(identity, found)
                if reason is None:
                    entries.append(Entry(identity, found.st_size))
                else:
                    skipped.append(Skipped(printable(identity), reason))
        entries.sort(key=lambda entry: entry.id)
        skipped.sort(key=lambda one: one.id)
        return Inventory(entries, skipped)

    def read(self, entry: Entry) -> bytes:
        """See `Source.read`."""
        try:
            with (self.root / entry.id).open("rb") as file:
                return file.read(MAX_FILE_BYTES)
        except OSError as error:
            raise UnusablePictureError(f"cannot be read: {error.strerror}") from error


def printable(name: str) -> str:
    """A file's name as UTF-8 can hold it: bytes that are none become \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _reason_to_skip(identity: str, found: os.stat_result) -> str | None:
    if stat.S_ISLNK(found.st_mode):
        return "symbolic link"
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    if printable(identity) != identity:
        return "its name is not UTF-8"
    if not is_picture(PurePosixPath(identity)):
        return NOT_A_PICTURE
    return TOO_LARGE if found.st_size > MAX_FILE_BYTES else None


def _give_up(error: OSError) -> None:
    """A folder that cannot be listed would be missing silently."""
    raise SourceError(f"{error.filename} cannot be listed: {error.strerror}") from error
