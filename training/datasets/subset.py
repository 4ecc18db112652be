"""Writes some images of a dataset as a dataset of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from animegan_cli.progress import ProgressBar
from training.datasets.manifest import Header
from training.datasets.reader import Dataset
from training.datasets.writer import DatasetWriter


def write_subset(
    dataset: Dataset, indices: np.ndarray, directory: Path, derivation: dict[str, Any]
) -> str:
    """Copy images with their labels; goes on where an earlier run stopped.

    Args:
        dataset: Where they come from; it is only read.
        indices: int64 [n], which images, in the order in which they are written.
        directory: Where the new dataset goes.
        derivation: How the images were chosen; `kind` names the verb. The new dataset's source is
            this with the old one's digest and source as `of` and `origin`.

    Returns:
        The new dataset's digest.

    Raises:
        ValueError: no image was chosen.
        DatasetMismatchError: the directory holds another dataset.
    """
    old = dataset.header
    header = Header(
        name=directory.resolve().name,
        resolution=old.resolution,
        channels=old.channels,
        count=len(indices),
        licence=old.licence,
        source={**derivation, "of": dataset.digest, "origin": old.source},
    )
    writer = DatasetWriter(directory, header)
    missing = writer.missing()
    for shard in ProgressBar(missing, unit="shard", desc=f"writing {header.name}"):
        span = header.shard_range(shard)
        chosen = indices[span.start : span.stop]
        labels = [dataset.labels[index] for index in chosen.tolist()]
        writer.write_shard(shard, dataset.images_NHWC[chosen], labels)
    return writer.finish()
