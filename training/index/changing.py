"""Removes images from an index, and calibrates one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from animegan_search.ssim.index import Index, NotCalibratedError
from animegan_search.ssim.index.manifest import ShardRecord, read_manifest
from animegan_search.ssim.index.shard import Shard
from training.datasets.store import Dataset
from training.index.building import HERE, Means
from training.index.calibrating import calibrated
from training.index.errors import IndexMismatchError
from training.index.heldout import keep_heldout
from training.index.publishing import locked, publish, store_array


def remove(
    directory: Path, ids: Sequence[int], recalibrate: bool = True, means: Means = HERE
) -> Index:
    """Remove images from all searches; their pixels stay in the files until it is built anew.

    Args:
        directory: the index.
        ids: which images.
        recalibrate: search again for held-out images whose nearest reference goes; else the
            calibration is stale.
        means: how to do the work.

    Raises:
        UnknownImageError: an id is not in the index, or was removed before.
        IndexMismatchError: no image would be left.
        SearchIndexError: no whole index lies there, or another process is writing it.
    """
    directory = directory.resolve()
    with locked(directory):
        index = Index.open(directory, verify=False)
        rows = np.unique(index.rows(ids))
        if len(rows) == index.count:
            raise IndexMismatchError(f"{directory}: an index needs an image: remove it as a whole")
        shards = tuple(
            _without(directory, record, shard, rows - shard.first)
            for record, shard in zip(index.manifest.shards, index.shards, strict=True)
        )
        manifest = replace(index.manifest, shards=shards)
        if recalibrate and manifest.calibration:
            heldout = manifest.calibration.heldout
            manifest = calibrated(directory, manifest, heldout, means.mapper, means.threads)
        publish(directory, manifest)
    return Index.open(directory, verify=False)


def calibrate(directory: Path, heldout: Dataset | None = None, means: Means = HERE) -> Index:
    """Calibrate an index on held-out images; what is known of them is not computed again.

    Args:
        directory: the index.
        heldout: images of the same kind that are not in it; None: those of the last calibration.
        means: how to do the work.

    Raises:
        NotCalibratedError: no held-out images are given, and none were before.
        IndexMismatchError: they have another shape, or are the index's own images.
        SearchIndexError: no whole index lies there, or another process is writing it.
        DatasetError: the held-out dataset is damaged.
    """
    directory = directory.resolve()
    with locked(directory):
        manifest = read_manifest(directory)
        if heldout:
            kept = keep_heldout(directory, manifest, heldout)
        elif manifest.calibration:
            kept = manifest.calibration.heldout
        else:
            raise NotCalibratedError(f"{directory} was never calibrated: give held-out images")
        publish(directory, calibrated(directory, manifest, kept, means.mapper, means.threads))
    return Index.open(directory, verify=False)


def _without(directory: Path, record: ShardRecord, shard: Shard, rows: np.ndarray) -> ShardRecord:
    """The shard with more dead rows; those outside of it are of other shards."""
    gone = rows[(rows >= 0) & (rows < shard.count)]
    if not gone.size:
        return record
    dead = np.union1d(shard.dead, gone)
    key = hashlib.sha256(dead.tobytes()).hexdigest()[:16]
    return replace(record, dead=store_array(directory, f"dead-{shard.name}-{key}.npy", dead))
