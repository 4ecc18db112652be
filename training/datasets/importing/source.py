"""What a source of pictures is.

DatasetError
├── ChangedPicturesError      they were edited since an earlier run imported them
├── SourceError               the source is not laid out as its kind demands
└── HostileArchiveError       an archive that no honest packer writes: nothing of it is read
UnusablePictureError          one picture is broken or unsuitable: it is skipped and reported
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from training.datasets.growing import Skipped
from training.datasets.manifest import DatasetError, Labels
from training.files import canonical

SUFFIXES = frozenset(
    (
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    )
)
MAX_FILE_BYTES = 256 * 2**20
"""Files above this size are skipped: they are read into memory whole."""


class ChangedPicturesError(DatasetError):
    """Pictures are no longer what they were when an earlier run imported them."""


class SourceError(DatasetError):
    """The source is not laid out as its kind demands; the message names what is missing."""


class HostileArchiveError(DatasetError):
    """The archive is of a kind that no honest packer writes; the message names the member."""


class UnusablePictureError(Exception):
    """A picture that cannot be part of the dataset; the message is the reason that is reported."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a source, not read yet."""

    id: str
    """Path within the source, with slashes; part of the label."""
    size: int
    """Bytes."""
    facts: Labels = field(default_factory=dict)
    """What the source says about it; part of the label."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a source holds, in an order that depends on nothing but its content."""

    entries: Sequence[Entry]
    skipped: Sequence[Skipped]
    """Files that are not read at all."""

    def digest(self) -> str:
        """sha256 over names, sizes and facts."""
        total = hashlib.sha256()
        for entry in self.entries:
            total.update(canonical([entry.id, entry.size, entry.facts]) + b"\n")
        return total.hexdigest()


class Source(Protocol):
    """Where pictures come from. Small and picklable: workers open files themselves."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says about the source; `kind` names the class."""

    def inventory(self) -> Inventory:
        """List the pictures.

        Raises:
            DatasetError: the source is absent, hostile or not laid out as it should be.
        """

    def read(self, entry: Entry) -> bytes:
        """The bytes of a picture's file.

        Raises:
            UnusablePictureError: they cannot be read.
        """


def is_picture(path: PurePosixPath) -> bool:
    """Whether a file's suffix is that of a format that we read."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


NOT_A_PICTURE = "not a picture, by its name"
TOO_LARGE = f"file larger than {MAX_FILE_BYTES // 2**20} MiB"
