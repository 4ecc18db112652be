"""Indexes that are small and real, the service over them, and the answers that it must give."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from tests.integration.generator.service import PROJECT, ServiceProcess
from tests.unit.search.ssim.index.material import noise

MODELS = ("ssim_search", "ssim_index")
SIZE = 16

# 100 images in seven shards, the last of them not full; held-out ones carry a rate of 0.01.
COLOUR = noise(100, seed=1, size=SIZE)
HELDOUT = noise(120, seed=2, size=SIZE)
SHARD_IMAGES = 16
GREY = noise(20, seed=3, channels=1, size=SIZE)


class SimilarityProcess(ServiceProcess):
    """`python -m services.similarity` on free ports."""

    name = "similarity"


def write_repository(folder: Path) -> Path:
    """A model repository with nothing but the two search models."""
    for model in MODELS:
        shutil.copytree(PROJECT / "models" / model, folder / model)
    return folder


def png(pixels: np.ndarray) -> bytes:
    """A file of pixels, uint8 [H, W, C]."""
    file = BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def pixels(file: bytes) -> np.ndarray:
    """The pixels of a file, uint8 [H, W, C]."""
    with Image.open(BytesIO(file)) as image:
        return np.atleast_3d(np.asarray(image))


def uniform7(a: np.ndarray, b: np.ndarray, **options: bool) -> float:
    """scikit-image's default SSIM of two images, uint8 [H, W, C]."""
    return structural_similarity(a, b, channel_axis=2, data_range=255, **options)


def gaussian(a: np.ndarray, b: np.ndarray) -> float:
    """Wang's SSIM of two images, uint8 [H, W, C]."""
    return structural_similarity(
        a, b, channel_axis=2, data_range=255, gaussian_weights=True, use_sample_covariance=False
    )
