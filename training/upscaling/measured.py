"""How near a network comes to the truth: what a model card tells of its quality.

Shape suffixes: N pictures, H height, W width.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image

from training.datasets.procedural import render
from training.upscaling.export import UpscalerGraph
from training.upscaling.network import Upscaler
from training.upscaling.quality import DOWNSCALE_FILTERS, Picture, downscale, psnr

# Seeds beyond those of all datasets that anything was trained on.
FACES = range(7_000_000, 7_000_016)
SIDE = 128
JPEG_QUALITY = 75  # what networks that remove noise get


def metrics(network: Upscaler, noise: int) -> dict[str, float]:
    """Mean PSNR over drawn faces and the filters that made them small, in dB.

    Args:
        network: in evaluation mode.
        noise: level that it removes; such a network gets pictures that went through JPEG.

    Returns:
        `psnr_db`, and with noise `psnr_jpeg_db`: the name says what the network was given.
    """
    graph = UpscalerGraph(network)
    values = []
    for given, truth in pairs(network.scale, noise):
        enlarged = graph(torch.from_numpy(given[None].copy()))[0].numpy()[0]
        values.append(psnr(enlarged, truth))
    return {"psnr_jpeg_db" if noise >= 0 else "psnr_db": round(float(np.mean(values)), 2)}


def pairs(scale: int, noise: int) -> Iterator[tuple[Picture, Picture]]:
    """What a network gets and what it should return, uint8 [H, W, 3]."""
    for seed in FACES:
        truth = render(seed, SIDE)
        smaller = (
            [truth] if scale == 1 else [downscale(truth, name, scale) for name in DOWNSCALE_FILTERS]
        )
        for given in smaller:
            yield (through_jpeg(given) if noise >= 0 else given), truth


def through_jpeg(picture: Picture) -> Picture:
    """Compress and read back, colours at half the resolution, as most JPEG files are."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(file))
