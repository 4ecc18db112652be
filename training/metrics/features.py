"""From images to features, and a cache for the features of real images."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from training.metrics.efficientnet import FEATURES, SHA256, EfficientNetLite0

EXTRACTOR = "EfficientNet-Lite0"
# Everything that decides a feature besides the image; part of the name of every cached file.
_DEFINITION = f"{SHA256} bicubic antialias 224 (level-127)/128 pooled"
# Images at a time. On a CPU, large batches ask for fresh memory in every layer, and page faults
# then cost as much as the network itself.
BATCH = {"cpu": 4, "cuda": 128}


class ImageSource(Protocol):
    """Images that can be fetched by their places: an array, or a data set's memory maps."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, index: NDArray[np.int64], /) -> NDArray[np.uint8]:
        """Images [n, H, W, C]."""


def extract(
    network: EfficientNetLite0, images: ImageSource, label: str, device: torch.device
) -> NDArray[np.float32]:
    """Compute the features of all images, with a progress bar.

    Args:
        network: on `device`.
        images: uint8 [N, H, W, C].
        label: what the progress bar says.
        device: where the network lies.

    Returns:
        float32 [N, 1280].
    """
    result = np.empty((len(images), FEATURES), np.float32)
    size = BATCH[device.type]
    with tqdm(total=len(images), desc=label, unit="image") as bar:
        for first in range(0, len(images), size):
            places = np.arange(first, min(first + size, len(images)))
            batch = torch.from_numpy(images[places]).to(device)
            result[places] = network(batch).cpu().numpy()
            bar.update(len(places))
    return result


def cached(path: Path) -> NDArray[np.float32] | None:
    """Read cached features; none if there are none, or if they cannot be read."""
    try:
        features: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return features if features.ndim == 2 and features.shape[1] == FEATURES else None


def store(path: Path, features: NDArray[np.float32]) -> None:
    """Write features so that a reader sees all of them or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    with staged.open("wb") as file:
        np.save(file, features)
    staged.replace(path)


def cache_path(folder: Path, dataset_digest: str, count: int, seed: int) -> Path:
    """Where the features of `count` images, chosen by `seed`, of one data set belong."""
    key = hashlib.sha256(f"{_DEFINITION} {dataset_digest} {count} {seed}".encode()).hexdigest()
    return folder / f"features-{key[:32]}.npy"
