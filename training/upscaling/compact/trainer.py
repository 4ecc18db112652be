"""One run of the compact network: its state and one step of it. The loop is in `run`."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.run.compute import use_bf16
from training.upscaling.compact.network import LearningUpscaler
from training.upscaling.compact.options import CompactOptions
from training.upscaling.compact.pairs import Pairs


class CompactTrainer:
    """The network, its moving average, its optimiser, and the count of pairs seen.

    Attributes:
        options: the run.
        pairs: what it learns from.
        device: where to train; pairs are made on the CPU.
        images_seen: pairs shown so far.
        network: as the last step left it.
        average: the moving average of its weights, which is what the run is for.
    """

    def __init__(self, options: CompactOptions, pairs: Pairs, device: torch.device) -> None:
        self.options = options
        self.pairs = pairs
        self.device = device
        self.images_seen = 0
        torch.manual_seed(options.seed)
        self.network = LearningUpscaler(options.network).to(device)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.adam = torch.optim.Adam(self.network.parameters(), betas=(0.9, 0.99))

    def step(self) -> dict[str, float]:
        """Train on one batch and return the loss and the PSNR.

        Raises:
            FloatingPointError: the loss is not finite; the last checkpoint is whole.
        """
        options = self.options
        finishing = options.finishing(self.images_seen)
        rising = min(1.0, (self.images_seen + options.batch) / options.warmup)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * rising * (1 + math.cos(math.pi * finishing)) / 2

        small, truth = self.pairs.batch(self.images_seen, options.batch)
        bf16 = use_bf16(options.precision, self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16):
            enlarged = 255 * self.network(
                with_border(small.to(self.device) / 255, self.network.margin)
            )
        truth = truth.to(self.device)
        squared_error = F.mse_loss(enlarged, truth)
        loss = squared_error if finishing else charbonnier(enlarged, truth, options.charbonnier)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()
        self._follow()

        self.images_seen += options.batch
        told = {"loss": loss.item(), "psnr_training": decibels(squared_error.item())}
        if not all(math.isfinite(value) for value in told.values()):
            raise FloatingPointError(
                f"the loss after {self.images_seen} pairs is not finite ({told}); the last "
                "checkpoint is whole; begin another run with another --seed or a smaller --lr"
            )
        return told

    def _follow(self) -> None:
        """Move the average towards the network; at first, it is the mean of all steps."""
        steps = 1 + self.images_seen / self.options.batch
        share = 1 - 0.5 ** (self.options.batch / self.options.ema_half_life)
        weights = list(self.network.parameters())
        torch._foreach_lerp_(list(self.average.parameters()), weights, max(share, 1 / steps))

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return {
            "options": self.options.to_json(),
            "datasets": [dataset.digest for dataset in self.pairs.datasets],
            "images_seen": self.images_seen,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "adam": self.adam.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.images_seen = state["images_seen"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.adam.load_state_dict(state["adam"])


def with_border(rgb_BCHW: Tensor, margin: int) -> Tensor:
    """Continue the border's pixels outwards, as the served graph does."""
    return F.pad(rgb_BCHW, (margin,) * 4, mode="replicate")


def charbonnier(enlarged: Tensor, truth: Tensor, smooth: float) -> Tensor:
    """Mean of sqrt(error^2 + smooth^2) in levels (Charbonnier et al. 1994)."""
    return (enlarged - truth).square().add(smooth**2).sqrt().mean()


def decibels(squared_error: float) -> float:
    """PSNR of a mean squared error in levels; nothing is rounded yet, so it is finite."""
    return 10 * math.log10(255**2 / max(squared_error, 1e-9))
