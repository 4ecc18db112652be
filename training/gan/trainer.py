"""What the trainers of all kinds of GAN share: two networks, their optimisers, the average."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from training.datasets.batches import RealImages
from training.datasets.grey import with_channels
from training.datasets.store import Dataset
from training.export.licence import learnt_from
from training.gan.options import GanOptions
from training.gan.sheets import SHEET_SIDE, sample_sheet
from training.networks.interface import ImageGenerator
from training.networks.weights import load_generator, save_generator
from training.run.checkpoint import CheckpointError, check_complete, load_checkpoint, take_over
from training.run.compute import Compute, channels_last
from training.run.trainer import StepLosses, Trainer

WEIGHTS_SUFFIX = ".safetensors"
WEIGHTS = f"generator{WEIGHTS_SUFFIX}"
# Sheets show what the model usually does, and what the generator does right now.
TRUNCATION, RAW_TRUNCATION = 0.7, 1.0


class GanTrainer(Trainer):
    """Both networks, their optimisers, the moving average, and the count of images seen.

    A kind of network adds `build`, `adam_betas` and `step`.

    Args:
        options: the run.
        dataset: real images; grey networks see colours in grey.
        device: where to train.
        compute: how; see `Compute`.

    Attributes:
        images: real images.
        generator: as the last step left it.
        average: moving average of the generator, in evaluation mode: what is saved.
        discriminator: image [B, C, H, W] -> logit [B].

    Raises:
        ValueError: the images do not fit the networks, or cannot be computed so.
    """

    parts = ("generator", "discriminator", "average", "generator_adam", "discriminator_adam")
    weights_name = WEIGHTS
    remedy = (
        "the last checkpoint is whole; begin another run with another --seed or with --precision "
        "fp32, from nothing or by --transfer from that checkpoint"
    )
    options: GanOptions

    def __init__(
        self,
        options: GanOptions,
        dataset: Dataset,
        device: torch.device,
        compute: Compute | None = None,
    ) -> None:
        self.images = RealImages(fitting(dataset, options), options.seed, options.mirror)
        super().__init__(options, device, compute)
        generator, discriminator = self.build()
        self.generator = channels_last(generator, device)
        self.discriminator = channels_last(discriminator, device)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.generator_adam, self.discriminator_adam = (
            torch.optim.Adam(network.parameters(), betas=self.adam_betas, eps=1e-8)
            for network in (self.generator, self.discriminator)
        )

    @abstractmethod
    def build(self) -> tuple[ImageGenerator, nn.Module]:
        """Make the generator and the discriminator, with the weights they begin with."""

    @property
    @abstractmethod
    def adam_betas(self) -> tuple[float, float]:
        """Decays of Adam's mean gradient and mean squared gradient."""

    def set_rates(self) -> None:
        """Give both optimisers the step size of this moment."""
        factors, options = self.options.lr_factors(self.images_seen), self.options
        for adam, rate, factor in zip(
            (self.generator_adam, self.discriminator_adam),
            (options.lr_generator, options.lr_discriminator),
            factors,
            strict=True,
        ):
            for group in adam.param_groups:
                group["lr"] = rate * factor

    def finish_step(self) -> StepLosses:
        """Count the batch and move the average; see `Trainer.finish_step`."""
        losses = super().finish_step()
        self._update_average()
        return losses

    def latents(self, count: int, randomness: torch.Generator) -> Tensor:
        """Draw z [count, Z]."""
        z = torch.randn(count, self.options.network.z_dim, generator=randomness)
        return z.to(self.device)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the generator."""
        half_life = self.options.half_life_at(self.images_seen)
        weight = 1 - 0.5 ** (self.options.batch / max(half_life, 1e-8))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), weight
        )

    def sources(self) -> Mapping[str, Dataset]:
        """The real images."""
        return {"dataset": self.images.dataset}

    @property
    def published(self) -> ImageGenerator:
        """The moving average."""
        return self.average

    @property
    def resolution(self) -> int:
        """Side of the images of the last step."""
        return self.options.resolution_at(max(0, self.images_seen - 1))

    @property
    def numbered(self) -> bool:
        """Networks that are still growing draw larger pictures than they have learnt."""
        return self.resolution == self.options.network.resolution

    def save_weights(self, path: Path, story: dict[str, Any]) -> None:
        """Write the moving average, calibrated."""
        generator = copy.deepcopy(self.average)
        generator.calibrate()
        save_generator(path, generator, story, metrics={})

    def sheets(self) -> tuple[Image.Image, Image.Image]:
        """Faces of fixed latents, at the resolution trained so far."""
        return (
            sample_sheet(self.average, self.resolution, TRUNCATION),
            sample_sheet(self.generator, self.resolution, RAW_TRUNCATION),
        )

    @property
    def sheet_bytes(self) -> int:
        """As large as its pixels."""
        return SHEET_SIDE**2 * 3 * self.options.network.resolution**2

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`, with the switches of its schedule where they were."""
        past = self._same_networks(state)
        super().restore(state)
        self.options = self.options.continuing(past, self.images_seen)

    def begin_with(self, path: Path) -> None:
        """Begin with the networks of a run's checkpoint, or with the generator of a weights file.

        Raises:
            ValueError: they are of another kind, or have other sizes; names the file.
            OSError: it cannot be read.
        """
        try:
            if path.suffix == WEIGHTS_SUFFIX:
                generator, story = load_generator(path)
                self.transfer_generator(generator)
                datasets = learnt_from(story["training"])
            else:
                state = load_checkpoint(path, self.device)
                self.transfer(state)
                datasets = state.get("learnt_from", [])
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error
        self.remember_begin(path, datasets)

    def transfer(self, state: Mapping[str, Any]) -> None:
        """Begin with the networks of a checkpoint, but neither its optimisers nor its schedule.

        The generator begins as the moving average: what was measured and chosen. The average goes
        on from there.

        Raises:
            ValueError: its networks are of another kind, or have other sizes, or the options do not
                tell of it.
        """
        check_complete(state, ("options", "discriminator", "average"))
        self._same_networks(state)
        self._check_told()
        take_over("discriminator", self.discriminator, state["discriminator"])
        for network in (self.generator, self.average):
            take_over("average", network, state["average"])

    def transfer_generator(self, generator: ImageGenerator) -> None:
        """Begin with a generator and a new discriminator, which learns first and by itself.

        Raises:
            ValueError: see `transfer`.
        """
        if generator.config != self.options.network:
            raise CheckpointError(f"it holds {generator.config}, not {self.options.network}")
        self._check_told()
        if not self.options.discriminator_first_images:
            raise ValueError(
                "discriminator_first_images: the file holds no discriminator; a new one would "
                "spoil the generator unless it learns first"
            )
        for network in (self.generator, self.average):
            take_over("generator", network, generator.state_dict())

    def _check_told(self) -> None:
        if not self.options.transfer:
            raise ValueError("transfer: it must hold the checkpoint's sha256, and is empty")

    def _same_networks(self, state: Mapping[str, Any]) -> GanOptions:
        """The options of a checkpoint of the same networks.

        Raises:
            ValueError: they are others.
        """
        check_complete(state, ("options",))
        found = type(self.options).from_json(state["options"])
        if found.network != self.options.network:
            raise CheckpointError(
                f"the checkpoint's networks are {found.network}, not {self.options.network}"
            )
        return found


def fitting(dataset: Dataset, options: GanOptions) -> Dataset:
    """The images with the network's channels.

    Raises:
        ValueError: they cannot be scaled to the network's size.
    """
    network, header = options.network, dataset.header
    if header.resolution % network.resolution:
        raise ValueError(
            f"{dataset.directory} has {header.resolution} px, the preset {options.preset} "
            f"{network.resolution} px: render it anew, or choose another --preset"
        )
    return with_channels(dataset, network.image_channels)
