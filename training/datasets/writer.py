"""Writes datasets, and goes on where an earlier run stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from training.datasets.files import TEMPORARY_SUFFIX, canonical, pretty, replacing, sha256, write
from training.datasets.manifest import (
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    DamagedDatasetError,
    DatasetMismatchError,
    Header,
    Labels,
    Shard,
    check_shard,
    digest,
    read_json,
    shard_names,
)
from training.datasets.reader import Dataset


class DatasetWriter:
    """Writes a dataset shard by shard, in any order, and goes on where an earlier run stopped."""

    def __init__(self, directory: Path, header: Header) -> None:
        """Claim a directory.

        Args:
            directory: Made when absent. It may hold a part of the very same dataset, or all of it;
                then damaged shards count as missing and can be written anew.
            header: What is going to be written.

        Raises:
            ValueError: the header promises no image.
            DatasetMismatchError: the directory holds something else.
        """
        if header.count < 1:
            raise ValueError(f"a dataset needs at least one image, got count {header.count}")
        self._directory = Path(directory)
        self._header = header
        self._directory.mkdir(parents=True, exist_ok=True)
        self._claim()

    def missing(self) -> list[int]:
        """Shards that are still to be written; the others were verified just now."""
        return [i for i in range(self._header.shard_count) if self._verified(i) is None]

    def write_shard(self, index: int, images_NHWC: np.ndarray, labels: Sequence[Labels]) -> Shard:
        """Write one shard, replacing what may be there.

        Raises:
            ValueError: images or labels have the wrong shape, type or number.
        """
        span = self._header.shard_range(index)
        shape = (len(span), *self._header.image_shape())
        if images_NHWC.dtype != np.uint8 or images_NHWC.shape != shape:
            raise ValueError(
                f"shard {index} needs uint8 {shape}, got {images_NHWC.dtype} {images_NHWC.shape}"
            )
        if len(labels) != len(span):
            raise ValueError(f"shard {index} needs {len(span)} labels, got {len(labels)}")
        images_name, labels_name, record_name = shard_names(index)
        with replacing(self._directory / images_name) as file:
            np.save(file, np.ascontiguousarray(images_NHWC), allow_pickle=False)
        lines = b"".join(canonical(label) + b"\n" for label in labels)
        write(self._directory / labels_name, lines)
        shard = Shard(
            images=images_name,
            labels=labels_name,
            first=span.start,
            count=len(span),
            images_sha256=sha256(self._directory / images_name),
            labels_sha256=sha256(self._directory / labels_name),
        )
        write(self._directory / record_name, pretty(asdict(shard)))
        return shard

    def finish(self) -> str:
        """Verify all shards, write the manifest, and return the dataset's digest.

        Raises:
            DamagedDatasetError: shards are missing or damaged.
        """
        found = [self._verified(i) for i in range(self._header.shard_count)]
        shards = [shard for shard in found if shard is not None]
        if len(shards) < len(found):
            missing = [i for i, shard in enumerate(found) if shard is None]
            raise DamagedDatasetError(f"{self._directory}: shards {missing} are not complete")
        total = digest(self._header, shards)
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **asdict(self._header),
            "shards": [asdict(shard) for shard in shards],
            "digest": total,
        }
        write(self._directory / MANIFEST, pretty(manifest))
        self._tidy()
        return total

    @property
    def _plan(self) -> Path:
        """The header of a dataset that is not finished yet."""
        return self._directory / "unfinished.json"

    def _tidy(self) -> None:
        """Remove what only an unfinished dataset needs."""
        for index in range(self._header.shard_count):
            (self._directory / shard_names(index)[2]).unlink(missing_ok=True)
        self._plan.unlink(missing_ok=True)
        for leftover in self._directory.glob(f".*{TEMPORARY_SUFFIX}"):
            leftover.unlink(missing_ok=True)

    def _claim(self) -> None:
        """Take the directory for this dataset, unless it belongs to another one."""
        wanted = asdict(self._header)
        if (self._directory / MANIFEST).exists():
            found = asdict(Dataset.open(self._directory, check_sizes=False).header)
            if found != wanted:
                raise DatasetMismatchError(_difference(self._directory, found, wanted))
        elif self._plan.exists():
            found_plan = read_json(self._plan)
            if found_plan != wanted:
                raise DatasetMismatchError(_difference(self._directory, found_plan, wanted))
        elif any(path.suffix != TEMPORARY_SUFFIX for path in self._directory.iterdir()):
            raise DatasetMismatchError(
                f"{self._directory} is not empty and holds no dataset: choose another directory"
            )
        else:
            write(self._plan, pretty(wanted))

    def _verified(self, index: int) -> Shard | None:
        """The record of a shard whose files are whole, or None."""
        recorded = self._recorded(index)
        if recorded is None:
            return None
        try:
            check_shard(self._directory, recorded)
        except DamagedDatasetError:
            return None
        return recorded

    def _recorded(self, index: int) -> Shard | None:
        path = self._directory / shard_names(index)[2]
        if path.exists():
            try:
                return Shard(**read_json(path))
            except (DamagedDatasetError, TypeError):
                return None
        if (self._directory / MANIFEST).exists():
            return Dataset.open(self._directory, check_sizes=False).shards[index]
        return None


def _difference(directory: Path, found: dict[str, Any], wanted: dict[str, Any]) -> str:
    fields = sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k))
    details = "; ".join(f"{k}: {found.get(k)!r} there, {wanted.get(k)!r} wanted" for k in fields)
    return f"{directory} belongs to another dataset ({details}): choose another directory"
