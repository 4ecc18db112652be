"""What a folder of embeddings says about itself.

manifest.json    this record; written last
embeddings.npy   float32 [N, E], rows of unit length
ids.npy          int64 [N], ascending: what the images are called in their dataset or index
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from animegan_search.ssim.verdict import Calibration

FORMAT = "animegan-copies"
FORMAT_VERSION = 1
FOLDER = "copies"
MANIFEST = "manifest.json"
EMBEDDINGS = "embeddings.npy"
IDS = "ids.npy"
REBUILD = "build it again with `anime-gan copies index`"


class CopyIndexError(Exception):
    """The embeddings cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class Detector:
    """The served model that made them; `sha256` is that of its ONNX file."""

    name: str
    version: int
    sha256: str


@dataclass(frozen=True, eq=False)
class Manifest:
    """The record.

    Attributes:
        index_digest: the state of the SSIM index whose images they are.
        detector: what made them; those of another detector cannot be compared with them.
        count: N.
        embedding: E.
        files: sha256 of each file, by name.
        calibration: how close unseen images come to this state of the index.
    """

    index_digest: str
    detector: Detector
    count: int
    embedding: int
    files: dict[str, str]
    calibration: Calibration

    def to_json(self) -> str:
        """The record as text."""
        told = {"format": FORMAT, "format_version": FORMAT_VERSION}
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        nested = {"detector": asdict(self.detector), "calibration": self.calibration.as_json()}
        return json.dumps(told | record | nested, indent=1, sort_keys=True) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the record of a folder.

    Raises:
        CopyIndexError: there is none, or it cannot be used.
    """
    path = folder / MANIFEST
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = record.pop("format"), record.pop("format_version")
        if found != (FORMAT, FORMAT_VERSION):
            raise CopyIndexError(
                f"{path} is {found[0]} {found[1]}, this program reads {FORMAT} {FORMAT_VERSION}: "
                f"{REBUILD}"
            )
        parsed = {
            "detector": Detector(**record["detector"]),
            "calibration": Calibration.from_json(record["calibration"]),
        }
        return Manifest(**record | parsed)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CopyIndexError(f"{path} cannot be read ({error!r}): {REBUILD}") from error


def check_file(folder: Path, name: str, sha256: str) -> None:
    """Compare every byte of a file with its checksum.

    Raises:
        CopyIndexError: it differs, or cannot be read.
    """
    try:
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CopyIndexError(f"{folder / name} cannot be read ({error}): {REBUILD}") from error
    if found != sha256:
        raise CopyIndexError(f"{folder / name} does not match its checksum: {REBUILD}")
