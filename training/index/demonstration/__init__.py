"""The index of `make demo` where there is no default one: the first faces of the default dataset.

`python -m training.index.demonstration build FOLDER` builds it below FOLDER/indexes, or goes on
where it was interrupted. Its pictures lie beside this file (`pictures`), so that neither the
renderer nor its time is needed; they and their labels are those that `make dataset` renders.
"""

from __future__ import annotations

from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray

from animegan_search.ssim.definition import UNIFORM7
from training.datasets.rendering import face_labels, rendered_header
from training.datasets.store import Dataset, DatasetWriter
from training.index.building import build
from training.index.demonstration.pictures import FACES, HELDOUT, SIZE, Part, read


def make(folder: Path) -> None:
    """Build `folder`/indexes/NAME, NAME that of `FACES`.

    Raises:
        DamagedPicturesError: the file of pictures is not the one that was committed.
    """
    images = read()
    faces = store(folder / "faces", FACES, images[FACES])
    heldout = store(folder / "heldout", HELDOUT, images[HELDOUT])
    build(folder / "indexes" / FACES.name, faces, UNIFORM7, heldout=heldout)


def store(directory: Path, part: Part, images_NHWC: NDArray[uint8]) -> Dataset:
    """Store some pictures as the dataset that rendering them makes, to the last byte."""
    header = rendered_header(part.name, part.count, SIZE, part.first_seed)
    writer = DatasetWriter(directory, header)
    for shard in writer.missing():
        span = header.shard_range(shard)
        labels = face_labels(part.first_seed, span)
        writer.write_shard(shard, images_NHWC[span.start : span.stop], labels)
    writer.finish()
    return Dataset.open(directory)
