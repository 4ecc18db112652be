"""One run of the copy detector: its state and one step of it. The loop is in `training.copies.run`.

Pizzi et al. 2022 (SSCD, arXiv:2202.10261) compare two changed views of each image. Here one of
them is the image itself: an index holds images as they are, and a copy is looked for among them.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from training.copies.loss import contrastive_loss, entropy_loss, recognised, similarities
from training.copies.options import CopyOptions
from training.copies.views import random_copies
from training.datasets.batches import AUGMENTATION, RealImages, torch_generator
from training.networks.copy_detector import CopyDetector
from training.run.compute import use_bf16


class CopyTrainer:
    """The network, its optimiser, and the count of images seen.

    Attributes:
        options: the run.
        images: what copies are made of, RGB.
        device: where to train; copies are made on the CPU.
        images_seen: images shown so far.
        network: as the last step left it.
    """

    def __init__(self, options: CopyOptions, images: RealImages, device: torch.device) -> None:
        self.options = options
        self.images = images
        self.device = device
        self.images_seen = 0
        torch.manual_seed(options.seed)
        network = CopyDetector(options.network)
        self.network = network.to(device, memory_format=torch.channels_last)
        self.adam = torch.optim.AdamW(network.parameters(), weight_decay=options.weight_decay)

    def step(self) -> dict[str, float]:
        """Train on one batch and return the losses.

        Raises:
            FloatingPointError: one is not finite; the last checkpoint is whole.
        """
        options = self.options
        randomness = torch_generator(options.seed, AUGMENTATION, self.images_seen)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * options.lr_factor(self.images_seen)

        # Images and their copies pass together: batch normalisation shall not tell them apart.
        side = options.network.resolution
        images = self.images.batch(self.images_seen, options.batch, side)
        shown = torch.cat([images, random_copies(images, randomness)]).to(self.device)
        bf16 = use_bf16(options.precision, self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16):
            embeddings = self.network(shown)

        # Copies are drawn to their images, strangers are pushed apart.
        cosine = similarities(*embeddings.chunk(2))
        contrast = contrastive_loss(cosine, options.temperature)
        entropy = entropy_loss(cosine)
        self.adam.zero_grad(set_to_none=True)
        (contrast + options.entropy * entropy).backward()
        self.adam.step()

        self.images_seen += options.batch
        told = {
            "loss_contrast": contrast.item(),
            "loss_entropy": entropy.item(),
            "recognised": recognised(cosine).item(),
        }
        if not all(math.isfinite(value) for value in told.values()):
            raise FloatingPointError(
                f"the losses after {self.images_seen} images are not finite ({told}); the last "
                "checkpoint is whole; begin another run with another --seed or a smaller --lr"
            )
        return told

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return {
            "options": self.options.to_json(),
            "dataset": self.images.dataset.digest,
            "images_seen": self.images_seen,
            "network": self.network.state_dict(),
            "adam": self.adam.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.images_seen = state["images_seen"]
        self.network.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])
