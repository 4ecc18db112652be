"""What every writer does: claim a directory, store shards, write the manifest, tidy up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

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
    read_manifest,
    shard_names,
)
from training.files import (
    TEMPORARY_SUFFIX,
    canonical,
    pretty,
    remove_leftovers,
    replacing,
    sha256,
    write,
)

PLAN = "unfinished.json"
"""The header of a dataset that is not finished yet."""


def claim(directory: Path, wanted: dict[str, Any]) -> None:
    """Take a directory, made when absent, for one dataset.

    Args:
        directory: It may hold a part of the very same dataset, or all of it.
        wanted: The fields of the header that must agree.

    Raises:
        DatasetMismatchError: the directory holds something else.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / MANIFEST).exists():
        found = asdict(read_manifest(directory)[0])
        _check_same(directory, {name: found[name] for name in wanted}, wanted)
    elif (directory / PLAN).exists():
        _check_same(directory, read_json(directory / PLAN), wanted)
    elif any(path.suffix != TEMPORARY_SUFFIX for path in directory.iterdir()):
        raise DatasetMismatchError(
            f"{directory} is not empty and holds no dataset: choose another directory"
        )
    else:
        write(directory / PLAN, pretty(wanted))


def store_shard(
    directory: Path, index: int, first: int, images_NHWC: np.ndarray, labels: Sequence[Labels]
) -> Shard:
    """Write the two files of a shard and its record, replacing what may be there."""
    images_name, labels_name, record_name = shard_names(index)
    with replacing(directory / images_name) as file:
        np.save(file, np.ascontiguousarray(images_NHWC), allow_pickle=False)
    write(directory / labels_name, b"".join(canonical(label) + b"\n" for label in labels))
    shard = Shard(
        images=images_name,
        labels=labels_name,
        first=first,
        count=len(images_NHWC),
        images_sha256=sha256(directory / images_name),
        labels_sha256=sha256(directory / labels_name),
    )
    write(directory / record_name, pretty(asdict(shard)))
    return shard


def verified_shard(directory: Path, index: int) -> Shard | None:
    """The record of a shard whose files are whole, or None."""
    shard = _recorded_shard(directory, index)
    if shard is None:
        return None
    try:
        check_shard(directory, shard)
    except DamagedDatasetError:
        return None
    return shard


def write_manifest(directory: Path, header: Header, shards: Sequence[Shard]) -> str:
    """Complete a dataset, remove what only an unfinished one needs, and return the digest."""
    total = digest(header, shards)
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **asdict(header),
        "shards": [asdict(shard) for shard in shards],
        "digest": total,
    }
    write(directory / MANIFEST, pretty(manifest))
    for index in range(len(shards)):
        (directory / shard_names(index)[2]).unlink(missing_ok=True)
    (directory / PLAN).unlink(missing_ok=True)
    remove_leftovers(directory)
    return total


def _recorded_shard(directory: Path, index: int) -> Shard | None:
    path = directory / shard_names(index)[2]
    if path.exists():
        try:
            return Shard(**read_json(path))
        except (DamagedDatasetError, TypeError):
            return None
    if (directory / MANIFEST).exists():
        return read_manifest(directory)[1][index]
    return None


def _check_same(directory: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    fields = sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k))
    if fields:
        details = "; ".join(
            f"{k}: {found.get(k)!r} there, {wanted.get(k)!r} wanted" for k in fields
        )
        raise DatasetMismatchError(
            f"{directory} belongs to another dataset ({details}): choose another directory"
        )
