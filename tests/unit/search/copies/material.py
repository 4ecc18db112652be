"""A small SSIM index with drawn embeddings: the search knows no network."""

from pathlib import Path

import numpy as np

from animegan_search.copies import Detector, Manifest
from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.index.manifest import read_manifest
from animegan_search.ssim.verdict import Calibration
from tests.unit.training.conftest import write_dataset
from training.copies.building import write_embeddings
from training.index.building import build

COUNT, SIZE, HELDOUT = 40, 8, 199
IDS = np.arange(100, 100 + 3 * COUNT, 3)


def unit(count: int, seed: int) -> np.ndarray:
    """Vectors of unit length, float32 [count, SIZE]."""
    drawn = np.random.default_rng(seed).standard_normal((count, SIZE)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def write_index(directory: Path) -> Path:
    """An index with embeddings `unit(COUNT, 0)`, calibrated by `unit(HELDOUT, 1)`."""
    build(directory, write_dataset(directory.parent / "datasets" / "a", count=COUNT), UNIFORM7)
    embed(directory)
    return directory


def embed(directory: Path, version: int = 3) -> None:
    """Write the embeddings, as this version of a detector made them."""
    digest = read_manifest(directory).digest
    maxima = np.sort((unit(HELDOUT, 1) @ unit(COUNT, 0).T).max(axis=1).astype(np.float64))
    calibration = Calibration(maxima, digest, "heldout", "d2", identical=0)
    detector = Detector("copy_detector", version, "abc")
    manifest = Manifest(digest, detector, COUNT, SIZE, {}, calibration)
    write_embeddings(directory, {"embeddings.npy": unit(COUNT, 0), "ids.npy": IDS}, manifest)
