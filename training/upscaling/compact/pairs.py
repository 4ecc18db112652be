"""Pairs of a small picture and its truth, cut from sharp pictures and changed in many ways.

Everything is a function of (seed, position): a run that was killed goes on with the same pairs.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from training.datasets.batches import ORDER, philox
from training.datasets.store import Dataset
from training.upscaling.quality import DOWNSCALE_FILTERS, Picture, downscale

# Lanczos is what pictures are measured with first, so it is met most.
FILTER_SHARES = {"box": 0.15, "bilinear": 0.1, "hamming": 0.1, "bicubic": 0.2, "lanczos": 0.45}
FILTERS = list(DOWNSCALE_FILTERS)


@dataclass(frozen=True)
class Pairs:
    """Draws pairs from pictures.

    Attributes:
        datasets: sharp RGB pictures; each is drawn from equally often.
        side: of the truth in pixels, even.
        seed: of every draw.
        soft: share of pairs whose truth is made soft first, as photographs of drawings are.
    """

    datasets: tuple[Dataset, ...]
    side: int
    seed: int
    soft: float = 0.0

    def batch(self, position: int, count: int) -> tuple[Tensor, Tensor]:
        """The pairs at `position`, ..., `position + count - 1`.

        Returns:
            Small pictures float32 [count, 3, side / 2, side / 2] and their truths
            [count, 3, side, side], both levels 0-255.
        """
        pairs = [self.pair(position + offset) for offset in range(count)]
        small, truth = zip(*pairs, strict=True)
        return _to_tensor(small), _to_tensor(truth)

    def pair(self, position: int) -> tuple[Picture, Picture]:
        """One small picture and its truth, uint8 [H, W, 3] each."""
        random = philox(self.seed, ORDER, position)
        dataset = self.datasets[random.integers(len(self.datasets))]
        truth = _crop(_shrunk(dataset, self.side, random), self.side, random)
        truth = _recoloured(_turned(truth, random), random)
        chosen = random.choice(FILTERS, p=[FILTER_SHARES[name] for name in FILTERS])
        if random.random() < self.soft:
            truth = _softened(truth, random)
        return downscale(truth, str(chosen)), truth


def _shrunk(dataset: Dataset, side: int, random: np.random.Generator) -> Picture:
    """One picture, at a random size between the side and its own: lines of every thickness."""
    picture = dataset.images_NHWC[int(random.integers(len(dataset)))]
    own = len(picture)
    # Half are shown as they are, or exactly halved, as faces are measured.
    size = int(np.exp(random.uniform(np.log(side), np.log(own + 1))))
    size = random.choice((size, max(side, own // 2), own), p=(0.5, 0.25, 0.25))
    if size == own:
        return np.asarray(picture)
    resampling = DOWNSCALE_FILTERS[FILTERS[random.integers(len(FILTERS))]]
    return np.asarray(Image.fromarray(picture).resize((size, size), resampling))


def _crop(picture: Picture, side: int, random: np.random.Generator) -> Picture:
    top, left = random.integers(0, len(picture) - side + 1, 2)
    return picture[top : top + side, left : left + side]


def _turned(picture: Picture, random: np.random.Generator) -> Picture:
    """One of the eight ways in which a square can lie."""
    turned: Picture = np.rot90(picture, int(random.integers(4)))
    return turned[:, ::-1] if random.integers(2) else turned


def _recoloured(picture: Picture, random: np.random.Generator) -> Picture:
    """Half with their colours exchanged, some of them inverted: edges between all colours."""
    if random.integers(2):
        return np.ascontiguousarray(picture)
    changed = picture[..., random.permutation(3)]
    inverted: NDArray[np.uint8] = np.where(random.integers(0, 2, 3) == 1, 255 - changed, changed)
    return inverted


def _softened(picture: Picture, random: np.random.Generator) -> Picture:
    """Less contrast, blurred edges, and the noise of JPEG: what pictures from the web went through.

    A network that has seen sharp drawings alone sharpens every edge, and makes such pictures worse
    than bicubic does.
    """
    contrast = random.uniform(0.5, 1.0)
    grey = picture.mean()
    faded = Image.fromarray((grey + contrast * (picture - grey)).round().astype(np.uint8))
    blurred = faded.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 1.0)))
    if random.integers(2):
        return np.asarray(blurred)
    file = io.BytesIO()
    blurred.save(file, "JPEG", quality=int(random.integers(75, 98)))
    return np.asarray(Image.open(file))


def _to_tensor(pictures: tuple[Picture, ...]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
