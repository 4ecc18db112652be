"""From images to features, cached where the images have a digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from animegan_cli.progress import ProgressBar
from training.features.cache import FeatureCache

# Images at a time. On a CPU, large batches ask for fresh memory in every layer, and page faults
# then cost as much as the network itself.
BATCH = {"cpu": 4, "cuda": 128}
BATCH_NORM_EPSILON = 1e-3  # of TensorFlow's networks, which all extractors are


class ImageSource(Protocol):
    """Images that can be fetched by their places: an array, a data set, or a generator."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, index: NDArray[np.int64], /) -> NDArray[np.uint8]:
        """Images [n, H, W, C]."""


@dataclass(frozen=True)
class Extractor:
    """A network that turns images into features.

    Attributes:
        name: for people.
        size: features of an image, D.
        definition: everything that decides a feature besides the image; names cached files.
        network: levels 0..255 of any type [B, H, W, C], C = 1 or 3 -> float32 [B, D].
        device: where the network lies.
    """

    name: str
    size: int
    definition: str
    network: nn.Module
    device: torch.device

    @torch.no_grad()
    def __call__(self, levels_BHWC: Tensor) -> Tensor:
        """Features [B, D] of one batch."""
        features: Tensor = self.network(levels_BHWC.to(self.device))
        return features


@dataclass(frozen=True)
class Pictures:
    """A run of images out of a source.

    Attributes:
        label: what the progress bar calls them.
        images: the source, uint8 [N, H, W, C].
        first: place of the first one.
        count: how many.
        cache_name: which source in which order this is; none if features are not to be kept.
    """

    label: str
    images: ImageSource
    first: int
    count: int
    cache_name: str | None = None

    @property
    def places(self) -> NDArray[np.int64]:
        """Places in the source."""
        return np.arange(self.first, self.first + self.count)

    def __len__(self) -> int:
        """Number of images."""
        return self.count

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images [n, H, W, C] by their places in this run."""
        return self.images[self.first + index]


def folded(tensors: Mapping[str, Tensor], convolution: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight [O, I, H, W] and bias [O] of a convolution that also normalises: for inference.

    Args:
        tensors: a checkpoint in PyTorch's names.
        convolution: name of the convolution, which has no bias of its own.
        norm: name of the batch normalisation behind it.
    """
    weight, bias = fuse_conv_bn_weights(
        tensors[f"{convolution}.weight"],
        None,
        tensors[f"{norm}.running_mean"],
        tensors[f"{norm}.running_var"],
        BATCH_NORM_EPSILON,
        tensors[f"{norm}.weight"],
        tensors[f"{norm}.bias"],
    )
    return weight.detach(), bias.detach()


def extract(extractor: Extractor, pictures: Pictures, cache: FeatureCache) -> NDArray[np.float32]:
    """Compute the features of all pictures, [N, D], with a progress bar."""
    places, label = pictures.places, f"{pictures.label}: {extractor.name}"
    with ProgressBar(total=len(places), desc=label, unit="image") as bar:

        def compute(places: NDArray[np.int64]) -> NDArray[np.float32]:
            return _compute(extractor, pictures.images, places, bar)

        if pictures.cache_name is None:
            return compute(places)
        name = f"{extractor.definition} {pictures.cache_name}"
        result = cache.fetch(name, places, len(pictures.images), extractor.size, compute)
        bar.update(len(places) - bar.n)  # what came from the cache
    return result


def _compute(
    extractor: Extractor, images: ImageSource, places: NDArray[np.int64], bar: ProgressBar[None]
) -> NDArray[np.float32]:
    result = np.empty((len(places), extractor.size), np.float32)
    size = BATCH[extractor.device.type]
    for first in range(0, len(places), size):
        batch = places[first : first + size]
        features = extractor(torch.from_numpy(images[batch]))
        result[first : first + len(batch)] = features.cpu().numpy()
        bar.update(min(len(batch), (bar.total or 0) - bar.n))
    return result
