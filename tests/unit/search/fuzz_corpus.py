"""What the fuzz targets of animegan_kernels/search/fuzz begin with."""

from pathlib import Path

import numpy as np

from animegan_copies import Detector, Manifest
from animegan_ssim.index.manifest import read_manifest
from animegan_ssim.verdict import Calibration
from tests.unit.copies.material import unit
from tests.unit.ssim.index.material import noise, write_index
from training.copies.building import write_embeddings
from training.index.changing import remove

IMAGES = 37  # three shards


def write_indexes(folder: Path) -> Path:
    """The index "some" that fuzz_requests.c asks for: 12x12 pixels, embeddings of 8 numbers."""
    directory = folder / "some"
    write_index(directory, noise(IMAGES, seed=1), noise(20, seed=2), shard_images=16)
    remove(directory, [2, 20])
    digest = read_manifest(directory).digest
    calibration = Calibration(np.linspace(0, 0.9, 199), digest, "heldout", "d", identical=0)
    manifest = Manifest(digest, Detector("copy_detector", 1, "abc"), 30, 8, {}, calibration)
    arrays = {"embeddings.npy": unit(30, 0), "ids.npy": np.arange(30)}
    write_embeddings(directory, arrays, manifest)
    return folder


def write_corpus(folder: Path, indexes: Path) -> None:
    """A folder for each target: `npy`, `manifest` and `requests`."""
    for target in ("npy", "manifest", "requests"):
        (folder / target).mkdir(parents=True)
    for place, file in enumerate(sorted(indexes.rglob("*.npy"))):
        (folder / "npy" / f"{place}").write_bytes(file.read_bytes()[:4096])
    for place, file in enumerate(sorted(indexes.rglob("manifest.json"))):
        (folder / "manifest" / f"{place}").write_bytes(file.read_bytes())
    for model in range(3):
        for count in range(3):
            # Zeros: requests that are answered.
            content = bytes([model, count]) + bytes(64)
            (folder / "requests" / f"{model}-{count}").write_bytes(content)
