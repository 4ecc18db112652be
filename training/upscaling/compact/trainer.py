"""One run of the compact network: its state and one step; the loop is in `training.run.loop`."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.datasets.store import Dataset
from training.export.licence import learnt_from
from training.run.folder import RunFolder
from training.run.journal import Journal
from training.run.trainer import StepLosses, Trainer
from training.upscaling.compact.network import LearningUpscaler, deepened
from training.upscaling.compact.options import CompactOptions
from training.upscaling.compact.pairs import Pairs
from training.upscaling.compact.weights import load_upscaler, save_upscaler
from training.upscaling.export import UpscalerGraph
from training.upscaling.quality import Picture, downscale, psnr

WEIGHTS = "upscaler.safetensors"
# Held-out pictures that every snapshot is measured on.
WATCHED = 32
PSNR = "psnr_heldout"


class CompactTrainer(Trainer):
    """The network, its moving average, its optimiser, and the count of pairs seen.

    Args:
        options: the run.
        datasets: sharp RGB pictures, each drawn from equally often.
        device: where to train; pairs are made on the CPU.

    Attributes:
        pairs: what it learns from.
        network: as the last step left it.
        average: the moving average of its weights, which is what the run is for.

    Raises:
        ValueError: no pair can be cut from a dataset, or one is grey.
    """

    parts = ("network", "average", "adam")
    weights_name = WEIGHTS
    options: CompactOptions

    def __init__(
        self, options: CompactOptions, datasets: Sequence[Dataset], device: torch.device
    ) -> None:
        for dataset in datasets:
            check_fits(dataset, options)
        super().__init__(options, device)
        self.pairs = Pairs(tuple(datasets), options.side, options.seed, options.soft)
        self.network = LearningUpscaler(options.network).to(device)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.adam = torch.optim.Adam(self.network.parameters(), betas=(0.9, 0.99))

    def step(self) -> StepLosses:
        """Train on one batch and return the loss and the PSNR; see `Trainer.step`."""
        options = self.options
        finishing = options.finishing(self.images_seen)
        rising = min(1.0, (self.images_seen + options.batch) / options.warmup)
        for group in self.adam.param_groups:
            group["lr"] = options.lr * rising * (1 + math.cos(math.pi * finishing)) / 2

        small, truth = self.pairs.batch(self.images_seen, options.batch)
        with self.autocast():
            enlarged = 255 * self.network(
                with_border(small.to(self.device) / 255, self.network.margin)
            )
        truth = truth.to(self.device)
        squared_error = F.mse_loss(enlarged, truth)
        loss = squared_error if finishing else charbonnier(enlarged, truth, options.charbonnier)
        self.descend(self.adam, loss)
        self._follow()
        self.note("loss", loss)
        self.note("psnr_training", decibels(squared_error))
        return self.finish_step()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the network; at first, it is the mean of all steps."""
        steps = 1 + self.images_seen / self.options.batch
        share = 1 - 0.5 ** (self.options.batch / self.options.ema_half_life)
        weight = max(share, 1 / steps)
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.network.parameters()), weight
        )

    @property
    def published(self) -> LearningUpscaler:
        """The moving average."""
        return self.average

    def save_weights(self, path: Path, story: dict[str, Any]) -> None:
        """Write the moving average."""
        save_upscaler(path, self.average, story)

    def sources(self) -> Mapping[str, Sequence[Dataset]]:
        """The sharp pictures."""
        return {"datasets": self.pairs.datasets}

    def begin_with(self, path: Path) -> None:
        """Begin with the weights of another run, of the same width and at most the same depth."""
        weights, training = load_upscaler(path)
        deeper = deepened(weights, self.options.network)
        self.network.load_state_dict(deeper.state_dict())
        self.average.load_state_dict(deeper.state_dict())
        self.remember_begin(path, learnt_from(training))


def with_border(rgb_BCHW: Tensor, margin: int) -> Tensor:
    """Continue the border's pixels outwards, as the served graph does."""
    return F.pad(rgb_BCHW, (margin,) * 4, mode="replicate")


def charbonnier(enlarged: Tensor, truth: Tensor, smooth: float) -> Tensor:
    """Mean of sqrt(error^2 + smooth^2) in levels (Charbonnier et al. 1994)."""
    return (enlarged - truth).square().add(smooth**2).sqrt().mean()


def decibels(squared_error: Tensor) -> Tensor:
    """PSNR of a mean squared error in levels; nothing is rounded yet, so it is finite."""
    return 10 * torch.log10(255**2 / squared_error.detach().clamp(min=1e-9))


def watched_psnr(network: LearningUpscaler, heldout: Dataset) -> float:
    """Mean PSNR in dB on the first held-out pictures, made small with Lanczos."""
    graph = UpscalerGraph(network.collapse())

    def enlarge(small: Picture) -> Picture:
        with torch.no_grad():
            levels, _ = graph(torch.tensor(small, device=network.biases.device)[None])
        return np.asarray(levels[0].cpu().numpy())

    pictures = heldout.images_NHWC[:WATCHED]
    return float(np.mean([psnr(enlarge(downscale(p, "lanczos")), p) for p in pictures]))


@dataclass(frozen=True)
class HeldoutPsnr:
    """Measures every snapshot's average on pictures that the run does not learn from.

    Attributes:
        heldout: RGB pictures; the first ones are taken.
    """

    heldout: Dataset

    def begin(self, files: RunFolder, trainer: CompactTrainer, journal: Journal) -> _Watching:
        """Begin with a run that is restored, or new."""
        return _Watching(self.heldout, trainer, journal)


class _Watching:
    enough = False  # the step size falls to zero at a moment of its own

    def __init__(self, heldout: Dataset, trainer: CompactTrainer, journal: Journal) -> None:
        self._heldout, self._trainer, self._journal = heldout, trainer, journal
        # A run that was killed after a snapshot, before it was measured.
        seen = trainer.images_seen
        if seen and trainer.options.snapshot_due(seen) and not journal.tells(seen, PSNR):
            self.measure()

    def measure(self) -> None:
        trainer = self._trainer
        figures = {PSNR: watched_psnr(trainer.average, self._heldout)}
        self._journal.measured(trainer.images_seen, trainer.options.side, figures)


def check_fits(dataset: Dataset, options: CompactOptions) -> None:
    """Refuse pictures that no pair can be cut from.

    Raises:
        ValueError: naming both sizes, or the channels.
    """
    header = dataset.header
    if header.resolution < options.side:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, pairs need {options.side} px: give "
            "larger pictures, or a smaller --side"
        )
    if header.channels != 3:
        raise ValueError(f"{dataset.directory} is grey: the network learns from colour pictures")
