"""The kinds of network that `anime-gan train` can train, one line each."""

from __future__ import annotations

import torch

from training.compute import Compute
from training.dcgan.options import DcganOptions
from training.dcgan.trainer import DcganTrainer
from training.gan_trainer import GanTrainer
from training.images import RealImages
from training.run_options import RunOptions
from training.stylegan2.options import StyleganOptions
from training.stylegan2.trainer import StyleganTrainer

TRAINERS: dict[type[RunOptions], type[GanTrainer]] = {
    StyleganOptions: StyleganTrainer,
    DcganOptions: DcganTrainer,
}


def build_trainer(
    options: RunOptions, images: RealImages, device: torch.device, compute: Compute | None = None
) -> GanTrainer:
    """Make the trainer of the kind of network that the options are about."""
    return TRAINERS[type(options)](options, images, device, compute)
