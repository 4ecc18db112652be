"""What the benchmark compares: how close two images are, by the detector and by four others.

A score is higher the closer two images are; scores of different scorers do not compare. Each
scorer does two things: the best score of unseen images in the whole index, which sets its
threshold, and the score of each copy with its own original, which is found if above it.

Shape suffixes: N images of the index, Q others, F features.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from animegan_cli.progress import ProgressBar
from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.engine import Engine
from animegan_search.ssim.tiles import pack
from training.copies.building import best_similarities
from training.copies.embedding import Embedder
from training.features.cache import FeatureCache
from training.features.efficientnet import efficientnet
from training.features.extraction import Pictures, extract

Images = NDArray[np.uint8]
Scores = NDArray[np.float64]
# Unseen images at a time where every pair of a block lies in memory: 4 MB a block of 20,000.
BLOCK = 50
# Nothing is kept: pictures without a name are not looked up.
NO_CACHE = FeatureCache(Path(os.devnull))


class Scorer(ABC):
    """One way of comparing; `name` is what tables call it."""

    name: str

    @abstractmethod
    def best(self, unseen: Images) -> Scores:
        """Score of each unseen image with the nearest one of the index, [Q]."""

    @abstractmethod
    def paired(self, copies: Images, rows: NDArray[np.int64]) -> Scores:
        """Score of each copy with its original, which is that row of the index, [Q]."""


class Cosine(Scorer):
    """Cosines of features of unit length.

    Args:
        name: of the scorer.
        embed: images and a label for the progress bar -> float32 [N, F], rows of unit length.
        index: images that copies are looked for among.
    """

    def __init__(
        self, name: str, embed: Callable[[Images, str], NDArray[np.float32]], index: Images
    ) -> None:
        self.name = name
        self._embed = embed
        self._features = embed(index, f"{name}: index")

    def best(self, unseen: Images) -> Scores:
        """See `Scorer`."""
        return best_similarities(self._features, self._embed(unseen, f"{self.name}: unseen"))

    def paired(self, copies: Images, rows: NDArray[np.int64]) -> Scores:
        """See `Scorer`."""
        pairs = self._embed(copies, ""), self._features[rows]
        scores: Scores = np.einsum("qf,qf->q", *pairs, dtype=np.float64)
        return scores


class Ssim(Scorer):
    """Exact SSIM, scikit-image's default definition."""

    name = "exact SSIM"

    def __init__(self, index: Images) -> None:
        self._index = index
        self._engine = Engine(pack(index), len(index), UNIFORM7)

    def best(self, unseen: Images) -> Scores:
        """See `Scorer`."""
        firsts = range(0, len(unseen), BLOCK)
        blocks = ProgressBar(firsts, desc=f"{self.name}: unseen", unit="block")
        best = [self._engine.scores(unseen[first : first + BLOCK]).max(axis=1) for first in blocks]
        return np.concatenate(best).astype(np.float64)

    def paired(self, copies: Images, rows: NDArray[np.int64]) -> Scores:
        """See `Scorer`."""
        engine = Engine(pack(self._index[rows]), len(rows), UNIFORM7)
        return np.diagonal(engine.scores(copies)).astype(np.float64)


class PerceptualHash(Scorer):
    """pHash of the package imagehash, 64 bits: minus the number of bits that differ."""

    name = "pHash"

    def __init__(self, index: Images) -> None:
        self._hashes = self._hash(index, f"{self.name}: index")

    def best(self, unseen: Images) -> Scores:
        """See `Scorer`."""
        hashes = self._hash(unseen, f"{self.name}: unseen")
        nearest = [np.bitwise_count(self._hashes ^ each).min() for each in hashes]
        return -np.array(nearest, np.float64)

    def paired(self, copies: Images, rows: NDArray[np.int64]) -> Scores:
        """See `Scorer`."""
        differing = self._hash(copies, "") ^ self._hashes[rows]
        scores: Scores = -np.bitwise_count(differing).astype(np.float64)
        return scores

    def _hash(self, images: Images, label: str) -> NDArray[np.uint64]:
        pictures = ProgressBar(images, desc=label, unit="image", disable=not label)
        bits = [imagehash.phash(Image.fromarray(image)).hash for image in pictures]
        return np.packbits(np.reshape(bits, (len(bits), 64)), axis=1).view(np.uint64)[:, 0]


class Pixels(Scorer):
    """Minus the root of the mean squared difference, in levels."""

    name = "raw pixels"

    def __init__(self, index: Images) -> None:
        self._index = index.reshape(len(index), -1)

    def best(self, unseen: Images) -> Scores:
        """See `Scorer`; |x - y|^2 = |x|^2 + |y|^2 - 2 x y, a block of the index at a time."""
        queries = unseen.reshape(len(unseen), -1).astype(np.float32)
        own = np.square(queries, dtype=np.float64).sum(axis=1)
        smallest = np.full(len(queries), np.inf)
        for first in ProgressBar(range(0, len(self._index), 1000), desc=f"{self.name}: unseen"):
            block = self._index[first : first + 1000].astype(np.float32)
            squares = np.square(block, dtype=np.float64).sum(axis=1)
            distances = own[:, None] + squares - 2.0 * (queries @ block.T)
            smallest = np.minimum(smallest, distances.min(axis=1))
        return -np.sqrt(smallest.clip(min=0) / queries.shape[1])

    def paired(self, copies: Images, rows: NDArray[np.int64]) -> Scores:
        """See `Scorer`."""
        difference = copies.reshape(len(copies), -1).astype(np.float64) - self._index[rows]
        scores: Scores = -np.sqrt(np.square(difference).mean(axis=1))
        return scores


def efficientnet_scorer(index: Images) -> Cosine:
    """EfficientNet-Lite0, trained on ImageNet: features that never heard of copies."""
    extractor = efficientnet(torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    def embed(images: Images, label: str) -> NDArray[np.float32]:
        pictures = Pictures(label or "copies", images, 0, len(images))
        features = extract(extractor, pictures, NO_CACHE)
        unit: NDArray[np.float32] = features / np.linalg.norm(features, axis=1, keepdims=True)
        return unit

    return Cosine(extractor.name, embed, index)


# By the names of `--scorers`, in the order of the tables.
SCORERS: dict[str, Callable[[Images, Embedder], Scorer]] = {
    "detector": lambda index, embedder: Cosine("copy detector", embedder, index),
    "ssim": lambda index, _: Ssim(index),
    "phash": lambda index, _: PerceptualHash(index),
    "pixels": lambda index, _: Pixels(index),
    "efficientnet": lambda index, _: efficientnet_scorer(index),
}
