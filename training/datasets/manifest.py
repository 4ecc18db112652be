"""What a dataset says about itself: its header, the records of its shards, and its digest."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.files import canonical, sha256

FORMAT = "animegan-dataset"
FORMAT_VERSION = 1
SHARD_IMAGES = 2048
MANIFEST = "manifest.json"

Labels = dict[str, Any]


class DatasetError(Exception):
    """Something is wrong with a dataset directory; the message names it."""


class NotADatasetError(DatasetError):
    """The path holds no complete dataset of this format."""


class DamagedDatasetError(DatasetError):
    """The dataset's files do not agree with its manifest."""


class DatasetMismatchError(DatasetError):
    """The directory already holds, or half holds, a different dataset."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One pair of files, as the manifest records it."""

    images: str
    labels: str
    first: int
    """Index of its first image in the dataset."""
    count: int
    images_sha256: str
    labels_sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a dataset is, apart from its contents."""

    name: str
    resolution: int
    """Height and width in pixels."""
    channels: int
    """3 for RGB, 1 for grey."""
    count: int
    licence: str
    """An SPDX identifier where there is one."""
    source: dict[str, Any]
    """Where the images come from; its `kind` names the importer."""

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return math.ceil(self.count / SHARD_IMAGES)

    def shard_range(self, index: int) -> range:
        """Indices of the images of a shard."""
        first = index * SHARD_IMAGES
        return range(first, min(first + SHARD_IMAGES, self.count))

    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return (self.resolution, self.resolution, self.channels)


def digest(header: Header, shards: Sequence[Shard]) -> str:
    """sha256 over the source and the shards' checksums: equal digests mean equal datasets."""
    record = {
        "source": header.source,
        "shards": [[shard.images_sha256, shard.labels_sha256] for shard in shards],
    }
    return hashlib.sha256(canonical(record)).hexdigest()


def shard_names(index: int) -> tuple[str, str, str]:
    """File names of a shard's images, of its labels, and of its record while unfinished."""
    return f"images-{index:05d}.npy", f"labels-{index:05d}.jsonl", f"shard-{index:05d}.json"


def check_shard(directory: Path, shard: Shard) -> None:
    """Compare a shard's files with their checksums.

    Raises:
        DamagedDatasetError: naming the file that is missing or differs.
    """
    for name, expected in (
        (shard.images, shard.images_sha256),
        (shard.labels, shard.labels_sha256),
    ):
        path = directory / name
        if not path.is_file():
            raise DamagedDatasetError(f"{path} is missing")
        if sha256(path) != expected:
            raise DamagedDatasetError(f"{path} does not match its checksum: the file was changed")


def read_manifest(directory: Path) -> tuple[Header, list[Shard], str]:
    """Header, shards and digest of a complete dataset.

    Raises:
        NotADatasetError: no manifest of this format lies there.
        DamagedDatasetError: the manifest contradicts itself.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise NotADatasetError(f"{directory} holds no dataset: {MANIFEST} is missing")
    try:
        record = read_json(path)
    except DamagedDatasetError as error:
        raise NotADatasetError(str(error)) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise NotADatasetError(f"{path} is not the manifest of an {FORMAT}")
    if record.get("format_version") != FORMAT_VERSION:
        raise NotADatasetError(
            f"{path} has format version {record.get('format_version')}; "
            f"this program reads version {FORMAT_VERSION}"
        )
    try:
        header = Header(**{name: record[name] for name in Header.__dataclass_fields__})
        shards = [Shard(**shard) for shard in record["shards"]]
        total = str(record["digest"])
        strays = [n for s in shards for n in (s.images, s.labels) if Path(n).name != n]
        counts = [len(header.shard_range(i)) for i in range(header.shard_count)]
    except (KeyError, TypeError) as error:
        raise DamagedDatasetError(f"{path}: field missing or unknown: {error}") from error
    if strays:
        raise DamagedDatasetError(f"{path} names files outside its directory: {strays}")
    if [shard.count for shard in shards] != counts or digest(header, shards) != total:
        raise DamagedDatasetError(f"{path}: its shards and its digest do not agree")
    return header, shards, total


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        DamagedDatasetError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedDatasetError(f"{path} cannot be read: {error}") from error
