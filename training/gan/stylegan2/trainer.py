"""One StyleGAN2 run: its state and one step of it. The loop is in `training.run.loop`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.augmentation import Augmentation, Controller, augment
from training.datasets.batches import AUGMENTATION, LATENT, torch_generator
from training.datasets.store import Dataset
from training.gan.losses import LOSSES, gradient_penalty, path_lengths
from training.gan.stylegan2.latents import Latents
from training.gan.stylegan2.options import Phase, StyleganOptions
from training.gan.trainer import GanTrainer
from training.networks.stylegan2 import Discriminator, Generator
from training.networks.stylegan2.layers import DEVIATION_GROUP
from training.run.checkpoint import check_complete
from training.run.compute import Compute, compiled
from training.run.distributed import parts_of_batch
from training.run.trainer import StepLosses

# Images of the batch that path length regularisation looks at (StyleGAN2, appendix B: half or
# less).
PATH_LENGTH_SHARE = 4


@dataclass(frozen=True)
class Part:
    """What one pass through both networks sees: this process's share of the batch, or a cut of it.

    Attributes:
        real: real images as the discriminator sees them, augmented, [B, C, H, W].
        latents: what the generated images are drawn from.
        fake_augmentation: of the generated images when the discriminator learns from them ...
        judged_augmentation: ... and when the generator does.
    """

    real: Tensor
    latents: Latents
    fake_augmentation: Augmentation | None
    judged_augmentation: Augmentation | None


class StyleganTrainer(GanTrainer):
    """A StyleGAN2 and, beyond what all kinds have, augmentation and the mean of its path lengths.

    Attributes:
        controller: holds the probability of augmentation and moves it.
        path_length_mean: running mean of the path lengths, a scalar tensor.
    """

    options: StyleganOptions
    generator: Generator
    discriminator: Discriminator
    average: Generator
    # No momentum; beta 2 and epsilon as in StyleGAN2, appendix B.
    adam_betas = (0.0, 0.99)
    newer = GanTrainer.newer | {"augmentation"}

    def __init__(
        self,
        options: StyleganOptions,
        dataset: Dataset,
        device: torch.device,
        compute: Compute | None = None,
    ) -> None:
        super().__init__(options, dataset, device, compute)
        world, accumulate = self.compute.world, self.compute.accumulate
        parts = parts_of_batch(options.batch, world.size * accumulate, DEVIATION_GROUP)
        self._parts = parts[world.rank * accumulate :][:accumulate]
        self.path_length_mean = torch.zeros((), device=device)
        target = options.augment_target if options.augment == "adaptive" else None
        start = options.augment_p if options.augment != "none" else 0.0
        self.controller = Controller(start, target, options.augment_ramp_images)
        self.discriminator.freeze(options.freeze_d)
        self._learning = [value for value in self.discriminator.parameters() if value.requires_grad]
        # Penalties differentiate twice, which compiled graphs cannot: they use the plain networks.
        self._judge: Callable[..., Tensor] = self.discriminator
        self._paint: Callable[..., Tensor] = self.generator.synthesis
        if self.compute.compiled:
            self._judge, self._paint = (
                compiled(network, device) for network in (self._judge, self._paint)
            )

    def build(self) -> tuple[Generator, Discriminator]:
        """Make both networks."""
        return Generator(self.options.network), Discriminator(self.options.network)

    def step(self) -> StepLosses:
        """Train both networks on one batch; see `Trainer.step`."""
        phase, fade = self.options.phase_at(self.images_seen)
        randomness = torch_generator(self.options.seed, LATENT, self.images_seen)
        self.set_rates()
        parts = self._draw_parts(phase.resolution, randomness)
        # One batch of fakes serves both networks. Parts are drawn twice: one graph fits in memory.
        keep = len(parts) == 1

        # The discriminator learns to tell real from fake.
        self.discriminator_adam.zero_grad(set_to_none=True)
        for part in parts:
            with torch.set_grad_enabled(keep):
                fake = self._draw(part.latents, phase.resolution)
            loss = self._discriminator_loss(part, fake.detach(), phase, fade)
            (loss / len(parts)).backward()
        self.update(self.discriminator_adam)

        # The generator learns to fool the updated discriminator.
        self._set_learning(False)
        self.generator_adam.zero_grad(set_to_none=True)
        for position, part in enumerate(parts):
            if not keep:
                fake = self._draw(part.latents, phase.resolution)
            loss = self._generator_loss(part, fake, fade) / len(parts)
            if position == len(parts) - 1:
                loss = loss + self._path_length_loss(phase.resolution, randomness)
            loss.backward()
        self.update(self.generator_adam)
        self._set_learning(True)

        losses = self.finish_step()
        self.controller.update(losses.unread("real_sign"), self.options.batch)
        return losses

    def _draw_parts(self, resolution: int, randomness: torch.Generator) -> list[Part]:
        """Draw the whole batch and cut out what this process sees of it."""
        options, seen = self.options, self.images_seen
        latents = self._latents(options.batch, randomness)
        chance = torch_generator(options.seed, AUGMENTATION, seen)
        augmentations = [
            Augmentation.draw(options.batch, resolution, self.controller.p, chance)
            for _ in range(3)
        ]
        if options.augment != "none":
            self.note("augment_p", torch.full((), self.controller.p, device=self.device))
        parts = []
        for rows in self._parts:
            real = self.images.batch(seen, options.batch, resolution, rows, self.device)
            of_real, of_fake, of_judged = (whole and whole.rows(rows) for whole in augmentations)
            real = augment(real, of_real)
            parts.append(Part(real, latents.rows(rows), of_fake, of_judged))
        return parts

    def _discriminator_loss(self, part: Part, fake: Tensor, phase: Phase, fade: float) -> Tensor:
        """Loss of the discriminator with its lazy gradient penalties.

        The penalties are about what the discriminator is shown: augmented images.
        """
        adversarial = LOSSES[self.options.loss]
        fake = augment(fake, part.fake_augmentation)
        with self.autocast():
            real_logits = self._discriminate(part.real, fade)
            fake_logits = self._discriminate(fake, fade)
            loss = adversarial.of_discriminator(real_logits, fake_logits)
        self.note("loss_d", loss)
        self.note("real_sign", real_logits.sign().mean())
        self.note("fake_sign", fake_logits.sign().mean())
        if self.step_count % self.options.r1_interval == 0:
            shown = {"r1": part.real, "r2": fake}
            for name in adversarial.penalties:
                penalty = gradient_penalty(
                    lambda image: self.discriminator(image, fade), shown[name]
                )
                loss = loss + penalty * (phase.r1_gamma / 2 * self.options.r1_interval)
                self.note(name, penalty)
        return loss

    def _generator_loss(self, part: Part, fake: Tensor, fade: float) -> Tensor:
        """Loss of the generator, whose images are augmented like the real ones."""
        adversarial = LOSSES[self.options.loss]
        fake = augment(fake, part.judged_augmentation)
        with self.autocast():
            fake_logits = self._discriminate(fake, fade)
            loss = adversarial.of_generator(
                fake_logits, lambda: self._discriminate(part.real, fade)
            )
        self.note("loss_g", loss)
        return loss

    def _discriminate(self, images: Tensor, fade: float) -> Tensor:
        """Logits [B]; a fading network changes with every step, which is not worth compiling."""
        logits: Tensor = self._judge(images) if fade == 1 else self.discriminator(images, fade)
        return logits

    def _set_learning(self, learning: bool) -> None:
        for value in self._learning:
            value.requires_grad_(learning)

    def _latents(self, count: int, randomness: torch.Generator) -> Latents:
        """Draw latents for `count` images of the whole batch."""
        textured = self.options.with_texture(self.images_seen)
        mixing = self.options.mixing_probability if textured else None
        return Latents.draw(count, self.options.network, mixing, randomness, self.device)

    def _draw(self, latents: Latents, resolution: int) -> Tensor:
        """Draw fake images [B, C, resolution, resolution]."""
        with self.autocast():
            return self._paint(latents.styles(self.generator), latents.noise, resolution)

    def _path_length_loss(self, resolution: int, randomness: torch.Generator) -> Tensor | float:
        """Squared distance of the path lengths from their running mean (StyleGAN2, equation 4).

        This process's share of a quarter of the batch, in one pass.
        """
        options, world = self.options, self.compute.world
        interval = options.path_length_interval
        if options.path_length_weight == 0 or self.step_count % interval != 0:
            return 0.0
        count = max(1, options.batch // PATH_LENGTH_SHARE)
        latents = self._latents(count, randomness)
        shape = (count, options.network.image_channels, resolution, resolution)
        direction = torch.randn(shape, generator=randomness)
        rows = torch.arange(count).tensor_split(world.size)[world.rank]
        latents, direction = latents.rows(rows), direction[rows].to(self.device)
        w = latents.styles(self.generator)
        image = self.generator.synthesis(w, latents.noise, resolution)
        lengths = path_lengths(image, w, direction)
        mean = self.path_length_mean.lerp(world.mean(lengths.mean()), 0.01)
        self.path_length_mean = mean
        self.note("path_length", mean)
        return (lengths - mean).square().mean() * (options.path_length_weight * interval)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return super().state() | {
            "path_length_mean": self.path_length_mean,
            "augmentation": self.controller.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        super().restore(state)
        self.path_length_mean = state["path_length_mean"]
        if "augmentation" in state:  # runs before there was any had none
            self.controller.restore(state["augmentation"])

    def transfer(self, state: Mapping[str, Any]) -> None:
        """Begin with the networks of a checkpoint, and with what is known of their path lengths.

        From zero, the mean would pull the lengths of a trained generator towards zero. (Where the
        discriminator learns first, the mean comes near them before the generator moves.)
        """
        super().transfer(state)
        check_complete(state, ("path_length_mean",))
        self.path_length_mean = state["path_length_mean"]
