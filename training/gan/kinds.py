"""The kinds of GAN that `anime-gan train` can train, one line each."""

from __future__ import annotations

import torch

from training.datasets.store import Dataset
from training.gan.dcgan.options import DcganOptions
from training.gan.dcgan.trainer import DcganTrainer
from training.gan.options import GanOptions
from training.gan.stylegan2.options import StyleganOptions
from training.gan.stylegan2.trainer import StyleganTrainer
from training.gan.trainer import GanTrainer
from training.run.compute import Compute

TRAINERS: dict[type[GanOptions], type[GanTrainer]] = {
    StyleganOptions: StyleganTrainer,
    DcganOptions: DcganTrainer,
}


def build_trainer(
    options: GanOptions, dataset: Dataset, device: torch.device, compute: Compute | None = None
) -> GanTrainer:
    """Make the trainer of the kind of network that the options are about; see `GanTrainer`."""
    return TRAINERS[type(options)](options, dataset, device, compute)
