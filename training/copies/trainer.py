"""One run of the copy detector: its state and one step of it. The loop is in `training.run.loop`.

Pizzi et al. 2022 (SSCD, arXiv:2202.10261) compare two changed views of each image. Here one of
them is the image itself: an index holds images as they are, and a copy is looked for among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.copies.loss import contrastive_loss, entropy_loss, recognised, similarities
from training.copies.options import CopyOptions
from training.copies.views import random_copies
from training.datasets.batches import AUGMENTATION, RealImages, torch_generator
from training.datasets.store import Dataset
from training.networks.copy_detector import CopyDetector
from training.networks.copy_detector_weights import save_detector
from training.run.compute import channels_last
from training.run.trainer import StepLosses, Trainer

WEIGHTS = "detector.safetensors"


class CopyTrainer(Trainer):
    """The network, its optimiser, and the count of images seen.

    Args:
        options: the run.
        dataset: images that copies are made of, RGB.
        device: where to train; copies are made on the CPU.

    Attributes:
        images: what copies are made of.
        network: as the last step left it.

    Raises:
        ValueError: the network cannot see the images.
    """

    parts = ("network", "adam")
    weights_name = WEIGHTS
    options: CopyOptions

    def __init__(self, options: CopyOptions, dataset: Dataset, device: torch.device) -> None:
        check_fits(dataset, options)
        super().__init__(options, device)
        self.images = RealImages(dataset, options.seed, mirror=False)
        self.network = channels_last(CopyDetector(options.network), device)
        self.adam = torch.optim.AdamW(self.network.parameters(), weight_decay=options.weight_decay)

    def step(self) -> StepLosses:
        """Train on one batch and return the losses; see `Trainer.step`."""
        options = self.options
        randomness = torch_generator(options.seed, AUGMENTATION, self.images_seen)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * options.lr_factor(self.images_seen)

        # Images and their copies pass together: batch normalisation shall not tell them apart.
        side = options.network.resolution
        images = self.images.batch(self.images_seen, options.batch, side)
        shown = torch.cat([images, random_copies(images, randomness)]).to(self.device)
        with self.autocast():
            embeddings = self.network(shown)

        # Copies are drawn to their images, strangers are pushed apart.
        cosine = similarities(*embeddings.chunk(2))
        contrast = contrastive_loss(cosine, options.temperature)
        entropy = entropy_loss(cosine)
        self.descend(self.adam, contrast + options.entropy * entropy)
        self.note("loss_contrast", contrast)
        self.note("loss_entropy", entropy)
        self.note("recognised", recognised(cosine))
        return self.finish_step()

    @property
    def published(self) -> CopyDetector:
        """The network itself."""
        return self.network

    def save_weights(self, path: Path, story: dict[str, Any]) -> None:
        """Write the network."""
        save_detector(path, self.network, story)

    def sources(self) -> Mapping[str, Dataset]:
        """The images."""
        return {"dataset": self.images.dataset}


def check_fits(dataset: Dataset, options: CopyOptions) -> None:
    """Refuse images that the network cannot see.

    Raises:
        ValueError: naming both sizes, or the channels.
    """
    header, side = dataset.header, options.network.resolution
    if header.resolution % side:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, the preset {options.preset} {side} "
            "px: import the images in that size, or choose another --preset"
        )
    if header.channels != 3:
        raise ValueError(f"{dataset.directory} is grey: a copy detector learns from colour images")
