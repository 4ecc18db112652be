"""Writes the embeddings of a dataset as a folder that `animegan_copies` searches."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animegan_copies import CopyIndex, Detector, Images, Manifest
from animegan_copies.index import exact_index
from animegan_copies.manifest import EMBEDDINGS, IDS, MANIFEST
from animegan_ssim.verdict import Calibration
from training.copies.embedding import Embedder
from training.datasets import files
from training.datasets.store import Dataset


def build(embedder: Embedder, dataset: Dataset, heldout: Dataset, folder: Path) -> CopyIndex:
    """Embed a dataset, calibrate on unseen images, and write a folder of embeddings.

    Args:
        embedder: the detector.
        dataset: images that copies are looked for among.
        heldout: images of the same kind that are not among them.
        folder: where to.

    Returns:
        The index, opened and verified.

    Raises:
        ValueError: the images do not fit the detector.
    """
    embeddings = embedder(dataset.images_NHWC, f"embedding {dataset.header.name}")
    unseen = embedder(heldout.images_NHWC, f"embedding {heldout.header.name}")

    def calibration(digest: str) -> Calibration:
        return Calibration(
            maxima=np.sort(best_similarities(embeddings, unseen)),
            index_digest=digest,
            heldout_name=heldout.header.name,
            heldout_digest=heldout.digest,
            identical=count_identical(dataset, heldout),
        )

    ids = np.arange(len(dataset), dtype=np.int64)
    images = Images(dataset.header.name, dataset.digest)
    write_index(folder, embeddings, ids, images, embedder.detector, calibration)
    return CopyIndex.open(folder)


def write_index(
    folder: Path,
    embeddings_NE: NDArray[np.float32],
    ids_N: NDArray[np.int64],
    images: Images,
    detector: Detector,
    calibration: Callable[[str], Calibration],
) -> None:
    """Write a folder of embeddings; the manifest comes last, so that no reader sees half of it.

    Args:
        folder: it is made; what lies there is replaced.
        embeddings_NE: rows of unit length.
        ids_N: what the images are called.
        images: whose embeddings they are.
        detector: what made them.
        calibration: from the embeddings' sha256.
    """
    contents = {EMBEDDINGS: npy(embeddings_NE), IDS: npy(ids_N)}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    count, size = embeddings_NE.shape
    name = folder.resolve().name
    told = calibration(sums[EMBEDDINGS])
    manifest = Manifest(name, images, detector, count, size, sums, told)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        files.write(folder / name, content)
    files.write(folder / MANIFEST, manifest.to_json().encode())


def count_identical(dataset: Dataset, heldout: Dataset) -> int:
    """Held-out images that the dataset holds pixel by pixel."""
    known = {hashlib.sha256(image).digest() for image in dataset.images_NHWC}
    return sum(hashlib.sha256(image).digest() in known for image in heldout.images_NHWC)


def best_similarities(
    embeddings_NE: NDArray[np.float32], unseen_QE: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Largest cosine of each unseen image to any of the index, float64 [Q]."""
    similarity, _ = exact_index(embeddings_NE).search(unseen_QE, 1)
    return similarity[:, 0].astype(np.float64)


def npy(array: NDArray[np.generic]) -> bytes:
    """An array as the content of a .npy file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
