"""Keeps held-out images in the index, so that it can always be calibrated again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan_search.ssim.index.manifest import Heldout, Manifest
from training.datasets.store import Dataset
from training.index.errors import IndexMismatchError
from training.index.publishing import store_array


def keep_heldout(directory: Path, manifest: Manifest, dataset: Dataset) -> Heldout:
    """Copy held-out images into the index, so that it can always be calibrated again.

    Raises:
        IndexMismatchError: they have another shape, or are the index's own images.
        DamagedDatasetError: the dataset's files were changed.
    """
    check_shape(manifest.shape, dataset)
    if dataset.digest in {source.digest for source in manifest.sources}:
        raise IndexMismatchError(
            f"{dataset.directory} is in the index: held-out images must be others"
        )
    known = manifest.calibration.heldout if manifest.calibration else None
    if known and known.digest == dataset.digest:
        return known
    dataset.verify()
    name = f"heldout-{dataset.digest[:16]}.npy"
    images = store_array(directory, name, np.asarray(dataset.images_NHWC))
    header = dataset.header
    return Heldout(header.name, dataset.digest, header.licence, len(dataset), images)


def check_shape(shape: tuple[int, int, int], dataset: Dataset) -> None:
    """Compare a dataset's images with those of the index, [H, W, C].

    Raises:
        IndexMismatchError: they have another shape.
    """
    found = dataset.header.image_shape()
    if found != shape:
        raise IndexMismatchError(
            f"{dataset.directory} holds images of {list(found)}, the index of {list(shape)} "
            "(height, width, channels): import them with the index's --size and colours"
        )
