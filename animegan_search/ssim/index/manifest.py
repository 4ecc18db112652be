"""What an index says about itself: its sources, its shards, the record of each file, its digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from animegan_search.ssim.definition import Definition, UnknownDefinitionError, definition
from animegan_search.ssim.index.errors import DamagedIndexError, IndexVersionError, NotAnIndexError
from animegan_search.ssim.index.records import RecordError, decode

FORMAT = "animegan-ssim-index"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"

REBUILD = "restore it, or build the index anew with `anime-gan index build`"

# A name goes into requests ("<index>/<shard>"), paths and metrics.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_FILE = re.compile(r"[a-z]+-[a-z0-9-]+\.npy")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of the index's directory: its name, size and checksum."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset whose images the index holds: image i of it has the id `first_id + i`."""

    name: str
    digest: str
    licence: str
    """SPDX identifier, or `LicenseRef-...`."""
    first_id: int
    count: int


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """Some of the references."""

    name: str
    count: int
    """Images, dead ones included."""
    tiles: FileRecord
    """int8 [T, C, H, W, 16]."""
    ids: FileRecord
    """int64 [count], ascending."""
    dead: FileRecord | None
    """int64 [n], rows of removed images, ascending."""


@dataclass(frozen=True, slots=True)
class Heldout:
    """Images that the index does not hold, kept to calibrate it again."""

    name: str
    digest: str
    licence: str
    count: int
    images: FileRecord
    """uint8 [count, H, W, C]."""


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """The nearest reference of each held-out image, shard by shard."""

    index_digest: str
    """The state of the index to which it belongs."""
    heldout: Heldout
    nearest: tuple[FileRecord, ...]
    """`NEAREST` [heldout.count] for each shard that was there."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that an index says about itself."""

    name: str
    definition: str
    shape: tuple[int, int, int]
    """Height, width and channels."""
    sources: tuple[Source, ...]
    shards: tuple[ShardRecord, ...]
    calibration: CalibrationRecord | None

    @property
    def digest(self) -> str:
        """sha256 over all that decides an answer; the name and the calibration are not in it."""
        content = asdict(self)
        del content["name"], content["calibration"]
        return _sha256(content)

    @property
    def calibrated(self) -> bool:
        """There is a calibration, and it belongs to the index as it is now."""
        return self.calibration is not None and self.calibration.index_digest == self.digest

    def files(self) -> Iterator[FileRecord]:
        """Every file of the index but the manifest itself."""
        for shard in self.shards:
            yield from (file for file in (shard.tiles, shard.ids, shard.dead) if file)
        if self.calibration:
            yield self.calibration.heldout.images
            yield from self.calibration.nearest

    def encode(self) -> bytes:
        """The manifest as JSON, with its own checksum."""
        record = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **asdict(self),
            "digest": self.digest,
        }
        record["checksum"] = _sha256(record)
        return json.dumps(record, indent=2).encode() + b"\n"


def check_name(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: it is none for an index.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"an index cannot be called {name!r}: 1 to 63 of a-z, 0-9, '.', '_', '-', "
            "a letter or digit first"
        )
    return name


def index_directories(folder: Path) -> list[Path]:
    """The directories of a folder of indexes that hold a manifest, by name."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of an index and check that it is whole and makes sense.

    Raises:
        NotAnIndexError: there is none of this format.
        IndexVersionError: another version of the format wrote it.
        DamagedIndexError: it was changed, or contradicts itself.
    """
    path = directory / MANIFEST
    record = _read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise NotAnIndexError(f"{path} is not the manifest of an {FORMAT}: {REBUILD}")
    version = record.get("format_version")
    if version != FORMAT_VERSION:
        raise IndexVersionError(
            f"{path} has format version {version}, this program reads version {FORMAT_VERSION}: "
            "update anime-gan, or build the index anew with `anime-gan index build`"
        )
    checksum = record.pop("checksum", None)
    if checksum != _sha256(record):
        raise DamagedIndexError(f"{path} does not match its own checksum: {REBUILD}")
    stated = {key: record.pop(key, None) for key in ("format", "format_version", "digest")}
    try:
        manifest = decode(Manifest, record)
        _check(manifest)
    except (RecordError, UnknownDefinitionError) as error:
        raise DamagedIndexError(f"{path}: {error}: {REBUILD}") from error
    if manifest.digest != stated["digest"]:
        raise DamagedIndexError(f"{path}: its digest and its files do not agree: {REBUILD}")
    return manifest


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise NotAnIndexError(
            f"{path.parent} holds no index: {MANIFEST} is missing; "
            "make one with `anime-gan index build`"
        )
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedIndexError(f"{path} cannot be read ({error}): {REBUILD}") from error


def _check(manifest: Manifest) -> None:
    """Checks that types cannot make.

    Raises:
        RecordError: naming the field.
        UnknownDefinitionError: this program knows no such SSIM.
    """
    known: Definition = definition(manifest.definition)
    if not _NAME.fullmatch(manifest.name):
        raise RecordError(f"manifest.name is not a name: {manifest.name!r}")
    if min(manifest.shape) < 1 or min(manifest.shape[:2]) < known.window:
        raise RecordError(f"manifest.shape is too small for {known.name}: {manifest.shape}")
    strays = [file.name for file in manifest.files() if not _FILE.fullmatch(file.name)]
    if strays:
        raise RecordError(f"manifest names files that no index has: {strays}")
    if not manifest.sources:
        raise RecordError("manifest.sources must not be empty")
    names = [shard.name for shard in manifest.shards]
    if not names or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        raise RecordError(f"manifest.shards must have names of their own: {names}")
    if min(shard.count for shard in manifest.shards) < 1:
        raise RecordError("manifest.shards must hold images")
    if manifest.calibration and len(manifest.calibration.nearest) > len(names):
        raise RecordError("manifest.calibration.nearest knows more shards than there are")


def _sha256(record: Any) -> str:
    """Checksum of a record: equal records have equal ones."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
