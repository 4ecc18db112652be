"""Writes datasets whose number of images is known only at their end, such as imports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.datasets import manifest
from training.datasets.manifest import (
    MANIFEST,
    DatasetError,
    Header,
    Labels,
    Shard,
    check_shard,
    read_json,
    read_manifest,
)
from training.datasets.reader import read_labels
from training.datasets.shards import claim, store_shard, verified_shard, write_manifest
from training.files import canonical, pretty, write

SKIPPED = "skipped.jsonl"
"""Beside the manifest: one line {"id", "reason"} for each picture that was left out."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture of the source that is not in the dataset, and why."""

    id: str
    reason: str
    sha256: str | None = None
    """Of its file, where it was read."""

    def record(self) -> dict[str, str]:
        """As JSON, without what is not known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source was read: `entries` wholly, and `images` out of the next one."""

    entries: int = 0
    images: int = 0


class GrowingWriter:
    """Appends images in order; a shard is written as soon as it is full.

    With each shard goes the position in the source behind its last image, so that a writer that
    was killed goes on there and ends with the same bytes.
    """

    def __init__(self, directory: Path, draft: Header) -> None:
        """Claim a directory.

        Args:
            directory: Made when absent; it may hold a part of the very same dataset, or all of it.
            draft: What is going to be written; its `count` is not used.

        Raises:
            DatasetMismatchError: the directory holds something else.
            DamagedDatasetError: it holds the finished dataset, but with damaged files.
        """
        self.directory = Path(directory)
        self._draft = draft
        self.position = Position()
        self.skipped: list[Skipped] = []
        self._skipped_recorded = 0
        self._shards: list[Shard] = []
        self._images: list[np.ndarray] = []
        self._labels: list[Labels] = []
        wanted = asdict(draft)
        del wanted["count"]
        claim(self.directory, wanted)
        self.finished = (self.directory / MANIFEST).exists()
        if self.finished:
            self._load_finished()
        else:
            self._load_progress()

    @property
    def count(self) -> int:
        """Images so far."""
        return sum(shard.count for shard in self._shards) + len(self._images)

    def seen(self) -> dict[str, str]:
        """sha256 of the files that became images, or were skipped, in earlier runs, by their ids.

        Raises:
            DamagedDatasetError: labels cannot be read.
        """
        skipped = {one.id: one.sha256 for one in self.skipped if one.sha256}
        labels = (read_labels(self.directory, shard) for shard in self._shards)
        return skipped | {label["id"]: label["sha256"] for shard in labels for label in shard}

    def append(self, image_HWC: np.ndarray, label: Labels, behind: Position) -> None:
        """Add an image.

        Args:
            image_HWC: uint8 of the dataset's shape.
            label: Any JSON object.
            behind: Where to go on after this image.
        """
        self._images.append(image_HWC)
        self._labels.append(label)
        if len(self._images) == manifest.SHARD_IMAGES:
            self._flush(behind)

    def skip(self, skipped: Sequence[Skipped]) -> None:
        """Note pictures that are left out."""
        self.skipped.extend(skipped)

    def finish(self) -> str:
        """Write what is left and the manifest; return the dataset's digest.

        Raises:
            DatasetError: there is no image at all.
            DamagedDatasetError: a shard was changed meanwhile.
        """
        lines = b"".join(canonical(skipped.record()) + b"\n" for skipped in self.skipped)
        write(self.directory / SKIPPED, lines)
        if self._images:
            self._flush(self.position)
        if not self._shards:
            raise DatasetError(
                f"none of the source's pictures could be used: {self.directory / SKIPPED} says why"
            )
        for shard in self._shards:
            check_shard(self.directory, shard)
        total = write_manifest(self.directory, replace(self._draft, count=self.count), self._shards)
        for progress in self.directory.glob("progress-*.json"):
            progress.unlink()
        return total

    def _flush(self, behind: Position) -> None:
        index = len(self._shards)
        # Before the shard's own record: a shard that counts as written has its position.
        news = self.skipped[self._skipped_recorded :]
        progress = {"behind": asdict(behind), "skipped": [skipped.record() for skipped in news]}
        write(self._progress(index), pretty(progress))
        images_NHWC = np.stack(self._images)
        self._shards.append(
            store_shard(
                self.directory, index, self.count - len(images_NHWC), images_NHWC, self._labels
            )
        )
        self._images, self._labels = [], []
        self._skipped_recorded = len(self.skipped)

    def _load_progress(self) -> None:
        """Take over the whole shards at the beginning; what comes after them is written anew."""
        while (shard := verified_shard(self.directory, len(self._shards))) is not None:
            if shard.count < manifest.SHARD_IMAGES:
                return  # the last shard of a run that was killed before the manifest
            found: dict[str, Any] = read_json(self._progress(len(self._shards)))
            self.position = Position(**found["behind"])
            self.skipped.extend(Skipped(**skipped) for skipped in found["skipped"])
            self._skipped_recorded = len(self.skipped)
            self._shards.append(shard)

    def _load_finished(self) -> None:
        _, self._shards, self.digest = read_manifest(self.directory)
        for shard in self._shards:
            check_shard(self.directory, shard)
        self.skipped = read_skipped(self.directory)

    def _progress(self, index: int) -> Path:
        return self.directory / f"progress-{index:05d}.json"


def read_skipped(directory: Path) -> list[Skipped]:
    """What an import left out; nothing where the dataset was made otherwise."""
    path = directory / SKIPPED
    if not path.exists():
        return []
    return [Skipped(**json.loads(line)) for line in path.read_bytes().splitlines()]
