"""Embeds the images of an SSIM index, for `animegan_search.copies` to search."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animegan_search.copies import CopyIndex, Manifest
from animegan_search.copies.index import nearest
from animegan_search.copies.manifest import EMBEDDINGS, FOLDER, IDS, MANIFEST
from animegan_search.ssim.index import Index
from training import files
from training.copies.embedding import Embedder
from training.index.images import AliveImages, heldout_images
from training.index.publishing import locked


def build(embedder: Embedder, index: Index) -> CopyIndex:
    """Embed an index's images and calibrate on its held-out ones; older embeddings are replaced.

    Args:
        embedder: the detector.
        index: calibrated; the embeddings go into a folder of its directory.

    Returns:
        The embeddings, opened and verified.

    Raises:
        ValueError: the images do not fit the detector.
        NotCalibratedError: the index has no held-out images, or was changed since.
        IndexBusyError: another process changes the index.
    """
    with locked(index.directory):
        return _build(embedder, Index.open(index.directory, verify=False))


def _build(embedder: Embedder, index: Index) -> CopyIndex:
    """What `build` does, while nobody else changes the index."""
    alive = AliveImages.of(index)
    calibration = index.require_calibration()
    embeddings = embedder(alive, f"embedding {index.name}")
    unseen = embedder(heldout_images(index), f"embedding {calibration.heldout_name}")
    maxima = np.sort(best_similarities(embeddings, unseen))
    write_embeddings(
        index.directory,
        {EMBEDDINGS: embeddings, IDS: alive.ids},
        Manifest(
            index_digest=index.digest,
            detector=embedder.detector,
            count=len(alive),
            embedding=embedder.size,
            files={},
            calibration=replace(calibration, maxima=maxima),
        ),
    )
    return CopyIndex.open(index.directory)


def write_embeddings(
    directory: Path, arrays: dict[str, NDArray[np.generic]], manifest: Manifest
) -> None:
    """Write the embeddings of an index; the manifest comes last, so that no reader sees half.

    Args:
        directory: of the SSIM index.
        arrays: embeddings and ids, by the names of their files.
        manifest: all but the files' checksums.
    """
    contents = {name: npy(array) for name, array in arrays.items()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        files.write(folder / name, content)
    files.write(folder / MANIFEST, replace(manifest, files=sums).to_json().encode())


def best_similarities(
    embeddings_NE: NDArray[np.float32], unseen_QE: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Largest cosine of each unseen image to any of the index, float64 [Q]."""
    best = [similarity[0] for _, similarity in nearest(embeddings_NE, unseen_QE, 1)]
    return np.array(best, np.float64)


def npy(array: NDArray[np.generic]) -> bytes:
    """An array as the content of a .npy file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
