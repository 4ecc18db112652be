"""Pictures in a zip archive, which may come from anybody.

Nothing is ever extracted to the disk. An archive that could not come from an honest packer is
refused as a whole, before any member is read (see `Limits` and `_refusal`).
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from training.datasets.growing import Skipped
from training.datasets.importing.source import (
    MAX_FILE_BYTES,
    NOT_A_PICTURE,
    TOO_LARGE,
    Entry,
    HostileArchiveError,
    Inventory,
    SourceError,
    UnusablePictureError,
    is_picture,
)

# LZMA and bzip2 members may ask for gigabytes of memory before the first byte comes out.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ARCHIVES = frozenset(
    (".7z", ".bz2", ".cab", ".gz", ".jar", ".rar", ".tar", ".tgz", ".txz", ".xz", ".zip", ".zst")
)
LOCAL_HEADER_BYTES = 30
ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may promise."""

    members: int = 5_000_000
    total_bytes: int = 4 * 2**40
    """Uncompressed bytes of all members."""
    ratio: float = 200.0
    """Uncompressed to compressed bytes of a member; pictures are compressed already."""
    ratio_from: int = 2**20
    """Members smaller than this may have any ratio: a flat bitmap is no bomb."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Every picture in a zip archive, in the order of their names."""

    path: Path
    limits: Limits = Limits()

    def describe(self) -> dict[str, Any]:
        """See `Source.describe`."""
        return {"kind": "zip"}

    def inventory(self) -> Inventory:
        """See `Source.inventory`."""
        members = _open(self.path).infolist()
        refusal = refuse(members, self.limits)
        if refusal:
            raise HostileArchiveError(f"{self.path}: {refusal}; nothing was read")
        entries, skipped = [], []
        for member in sorted(members, key=lambda member: member.filename):
            if member.is_dir():
                continue
            if not is_picture(PurePosixPath(member.filename)):
                skipped.append(Skipped(member.filename, NOT_A_PICTURE))
            elif member.file_size > MAX_FILE_BYTES:
                skipped.append(Skipped(member.filename, TOO_LARGE))
            else:
                entries.append(Entry(member.filename, member.file_size))
        return Inventory(entries, skipped)

    def read(self, entry: Entry) -> bytes:
        """See `Source.read`."""
        try:
            with _open(self.path).open(entry.id) as file:
                return file.read(entry.size)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise UnusablePictureError(f"cannot be unpacked: {error}") from error


@lru_cache(maxsize=1)
def _open(path: Path) -> zipfile.ZipFile:
    """The archive, opened once per process: its directory may be long."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise SourceError(f"{path} is not a readable zip archive: {error}") from error


def refuse(members: Sequence[zipfile.ZipInfo], limits: Limits) -> str | None:
    """Why an archive is refused, or None."""
    if len(members) > limits.members:
        return f"{len(members)} members are more than {limits.members}"
    total = sum(member.file_size for member in members)
    if total > limits.total_bytes:
        return f"its members promise {total} bytes, more than {limits.total_bytes}"
    for member in members:
        problem = _name_problem(member) or _content_problem(member, limits)
        if problem:
            return f"the member {member.orig_filename!r} {problem}"
    names = sorted(member.filename.rstrip("/") for member in members)
    twice = next((a for a, b in pairwise(names) if a == b), None)
    if twice is not None:
        return f"the member {twice!r} occurs twice"
    return _overlap(members)


def _name_problem(member: zipfile.ZipInfo) -> str | None:
    # zipfile cuts filename at NUL and, on Windows, turns backslashes round: look at the original.
    name = member.orig_filename
    if not name or any(character < " " or character == "\x7f" for character in name):
        return "has no name or control characters in it"
    if name.startswith("/") or "\\" in name or name[1:2] == ":":
        return "has an absolute path or backslashes"
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "leaves its folder or is not in normal form"
    return None


def _content_problem(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    mode = member.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a device, a pipe or a socket"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted: unpack it with its password and import the folder"
    if PurePosixPath(member.filename).suffix.lower() in ARCHIVES:
        return "is an archive in the archive: unpack it and import the folder"
    if member.is_dir():
        return None
    if member.compress_type not in METHODS:
        return "is compressed by a method other than deflate: pack it again"
    ratio = member.file_size / max(1, member.compress_size)
    if member.file_size >= limits.ratio_from and ratio > limits.ratio:
        return f"grows {ratio:.0f}-fold when unpacked, like a bomb"
    return None


def _overlap(members: Sequence[zipfile.ZipInfo]) -> str | None:
    """Find members that share bytes: that is how small files unpack to petabytes."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    for one, other in pairwise(ordered):
        if one.header_offset + LOCAL_HEADER_BYTES + one.compress_size > other.header_offset:
            return f"the members {one.filename!r} and {other.filename!r} overlap"
    return None
