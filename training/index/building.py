"""Builds an index from a dataset, and appends another dataset to one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from animegan_search.ssim.definition import Definition
from animegan_search.ssim.index import Index
from animegan_search.ssim.index.manifest import (
    MANIFEST,
    Manifest,
    Source,
    check_name,
    read_manifest,
)
from training.datasets.manifest import read_json
from training.datasets.store import Dataset
from training.files import TEMPORARY_SUFFIX, pretty, write
from training.index.calibrating import calibrated
from training.index.errors import IndexMismatchError
from training.index.heldout import check_shape, keep_heldout
from training.index.publishing import locked, publish
from training.index.shards import (
    Mapper,
    default_shard_images,
    forget_records,
    shard_tasks,
    write_shards,
)

PLAN = "unfinished.json"
"""What is being written; its shards stay when the run is stopped, and the next one goes on."""


@dataclass(frozen=True, slots=True)
class Means:
    """How the work is done; the result does not depend on it.

    Attributes:
        mapper: runs the tasks, here or on other machines.
        threads: cores of each task; None: all of this process.
    """

    mapper: Mapper = map
    threads: int | None = None


HERE = Means()


def build(
    directory: Path,
    dataset: Dataset,
    definition: Definition,
    heldout: Dataset | None = None,
    name: str | None = None,
    shard_images: int | None = None,
    means: Means = HERE,
) -> Index:
    """Build an index, or go on with a build that was stopped; a finished one is verified.

    The index appears at once, when everything in it is written.

    Args:
        directory: where the index goes; made when absent.
        dataset: its references; checksums are verified.
        definition: which SSIM.
        heldout: images of the same kind that are not in it, for the verdict.
        name: the directory's name when absent.
        shard_images: the most images of a shard; a GiB of pixels when absent.
        means: how to do the work.

    Raises:
        IndexMismatchError: the directory holds something else, or shapes differ.
        IndexBusyError: another process is writing it.
        DatasetError: a dataset is damaged.
        ValueError: the images are smaller than a window, or the name is none.
    """
    directory = directory.resolve()
    shape = dataset.header.image_shape()
    definition.windows(*shape[:2])
    if heldout:
        check_shape(shape, heldout)
    draft = Manifest(
        name=check_name(name or directory.name),
        definition=definition.name,
        shape=shape,
        sources=(),
        shards=(),
        calibration=None,
    )
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory):
        if (directory / MANIFEST).exists():
            manifest = _finished(directory, draft, dataset)
        else:
            manifest = _with_dataset(directory, draft, dataset, shard_images, means)
        if heldout:
            kept = keep_heldout(directory, manifest, heldout)
            manifest = calibrated(directory, manifest, kept, means.mapper, means.threads)
        _finish(directory, manifest)
    return Index.open(directory, verify=False)


def append(
    directory: Path,
    dataset: Dataset,
    recalibrate: bool = True,
    shard_images: int | None = None,
    means: Means = HERE,
) -> Index:
    """Add a dataset's images as new shards; ids go on after the last one ever given.

    Args:
        directory: the index.
        dataset: what to add; checksums are verified.
        recalibrate: search the held-out images in the new shards; else the calibration is stale.
        shard_images: as for `build`.
        means: how to do the work.

    Raises:
        SearchIndexError: no whole index lies there, or another process is writing it.
        IndexMismatchError: the images have another shape, or are in the index already.
        DatasetError: the dataset is damaged.
    """
    directory = directory.resolve()
    with locked(directory):
        manifest = read_manifest(directory)
        check_shape(manifest.shape, dataset)
        if dataset.digest in {source.digest for source in manifest.sources}:
            raise IndexMismatchError(f"{dataset.directory} is in the index {manifest.name} already")
        manifest = _with_dataset(directory, manifest, dataset, shard_images, means)
        if recalibrate and manifest.calibration:
            heldout = manifest.calibration.heldout
            manifest = calibrated(directory, manifest, heldout, means.mapper, means.threads)
        _finish(directory, manifest)
    return Index.open(directory, verify=False)


def _with_dataset(
    directory: Path, manifest: Manifest, dataset: Dataset, shard_images: int | None, means: Means
) -> Manifest:
    """The manifest with a dataset more, whose shards are written here."""
    header = dataset.header
    last = manifest.sources[-1] if manifest.sources else None
    first_id = last.first_id + last.count if last else 0
    most = shard_images or default_shard_images(manifest.shape)
    plan = {
        "name": manifest.name,
        "definition": manifest.definition,
        "dataset": dataset.digest,
        "shard_images": most,
        "first_id": first_id,
    }
    _claim(directory, plan)
    dataset.verify()
    tasks = shard_tasks(directory, dataset, most, len(manifest.shards), first_id)
    shards = write_shards(tasks, means.mapper)
    source = Source(header.name, dataset.digest, header.licence, first_id, header.count)
    return replace(
        manifest, sources=(*manifest.sources, source), shards=(*manifest.shards, *shards)
    )


def _finished(directory: Path, draft: Manifest, dataset: Dataset) -> Manifest:
    """The manifest of the very index that is to be built, verified.

    Raises:
        IndexMismatchError: it is another one.
    """
    index = Index.open(directory)
    found = index.manifest
    same = (found.name, found.definition) == (draft.name, draft.definition)
    whole = index.count == len(dataset) and [one.digest for one in found.sources] == [
        dataset.digest
    ]
    if not (same and whole):
        raise IndexMismatchError(
            f"{directory} holds the index {found.name} ({found.definition}, {index.count} images) "
            "already, and it is another one: choose another directory"
        )
    return found


def _claim(directory: Path, plan: dict[str, Any]) -> None:
    """Take the directory for a plan, or go on with the same one.

    Raises:
        IndexMismatchError: it holds something else.
    """
    path = directory / PLAN
    if path.exists():
        if read_json(path) != plan:
            raise IndexMismatchError(
                f"{path}: something else was begun here and not finished: run that command again, "
                "or remove this file to give it up"
            )
        return
    strangers = [one.name for one in directory.iterdir() if one.suffix != TEMPORARY_SUFFIX]
    if strangers and not (directory / MANIFEST).exists():
        raise IndexMismatchError(
            f"{directory} is not empty and holds no index: choose another directory"
        )
    forget_records(directory)
    write(path, pretty(plan))


def _finish(directory: Path, manifest: Manifest) -> None:
    publish(directory, manifest)
    forget_records(directory)
    (directory / PLAN).unlink(missing_ok=True)
