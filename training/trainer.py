"""One StyleGAN2 run: its state and one step of it. The loop around it is in `training.train`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.gan_trainer import GanTrainer
from training.images import LATENT, RealImages, torch_generator
from training.losses import discriminator_loss, generator_loss, path_lengths, r1_penalty
from training.networks.stylegan2 import Discriminator, Generator
from training.options import TrainingOptions

# Images of the batch that path length regularisation looks at (StyleGAN2, appendix B: half or
# less).
PATH_LENGTH_SHARE = 4


class Trainer(GanTrainer):
    """A StyleGAN2 and, beyond what all kinds have, the running mean of its path lengths."""

    options: TrainingOptions
    generator: Generator
    average: Generator
    # No momentum; beta 2 and epsilon as in StyleGAN2, appendix B.
    adam_betas = (0.0, 0.99)

    def __init__(self, options: TrainingOptions, images: RealImages, device: torch.device) -> None:
        super().__init__(options, images, device)
        self.path_length_mean = torch.zeros((), device=device)

    def build(self) -> tuple[Generator, Discriminator]:
        """Make both networks."""
        return Generator(self.options.network), Discriminator(self.options.network)

    def step(self) -> dict[str, float]:
        """Train both networks on one batch and return the losses.

        Raises:
            FloatingPointError: a loss is not finite; the state is spoilt, the last checkpoint is
                not.
        """
        options = self.options
        phase, fade = options.phase_at(self.images_seen)
        randomness = torch_generator(options.seed, LATENT, self.images_seen)
        self.set_rates()

        # The discriminator learns to tell real from fake; one batch of fakes serves both networks.
        real = self.images.batch(self.images_seen, options.batch, phase.resolution)
        real = real.to(self.device, memory_format=torch.channels_last)
        fake = self._draw(options.batch, phase.resolution, randomness)
        with self.autocast():
            real_logits = self.discriminator(real, fade)
            fake_logits = self.discriminator(fake.detach(), fade)
            loss_d = discriminator_loss(real_logits, fake_logits)
        losses = {
            "loss_d": loss_d.item(),
            "real_sign": real_logits.sign().mean().item(),
            "fake_sign": fake_logits.sign().mean().item(),
        }
        if self.step_count % options.r1_interval == 0:
            penalty = r1_penalty(lambda image: self.discriminator(image, fade), real)
            loss_d = loss_d + penalty * (phase.r1_gamma / 2 * options.r1_interval)
            losses["r1"] = penalty.item()
        self.descend(self.discriminator_adam, loss_d)

        # The generator learns to fool the updated discriminator.
        self.discriminator.requires_grad_(False)
        with self.autocast():
            loss_g = generator_loss(self.discriminator(fake, fade))
        losses["loss_g"] = loss_g.item()
        if options.path_length_weight > 0 and self.step_count % options.path_length_interval == 0:
            penalty = self._path_length_penalty(phase.resolution, randomness)
            weight = options.path_length_weight * options.path_length_interval
            loss_g = loss_g + penalty * weight
            losses["path_length"] = self.path_length_mean.item()
        self.descend(self.generator_adam, loss_g)
        self.discriminator.requires_grad_(True)

        self.finish_step(losses)
        return losses

    def _styles(self, count: int, randomness: torch.Generator) -> Tensor:
        """Draw w [B, L, W]; a share of the images takes its later layers from a second latent."""
        network = self.options.network
        w = self.generator.styles(self.generator.mapping(self.latents(count, randomness)))
        if not self.options.with_texture(self.images_seen):
            return w
        other = self.generator.styles(self.generator.mapping(self.latents(count, randomness)))
        layers = torch.arange(network.num_layers)
        crossover = torch.randint(1, network.num_layers, (count, 1), generator=randomness)
        mixed = torch.rand(count, 1, generator=randomness) < self.options.mixing_probability
        take_other = ((layers >= crossover) & mixed).to(self.device)
        return torch.where(take_other[:, :, None], other, w)

    def _draw(self, count: int, resolution: int, randomness: torch.Generator) -> Tensor:
        """Draw fake images [B, C, resolution, resolution]."""
        with self.autocast():
            return self._synthesize(self._styles(count, randomness), resolution, randomness)

    def _synthesize(self, w: Tensor, resolution: int, randomness: torch.Generator) -> Tensor:
        noise = None
        if self.options.with_texture(self.images_seen):
            size = self.options.network.noise_size
            noise = torch.randn(w.shape[0], size, generator=randomness).to(self.device)
        image: Tensor = self.generator.synthesis(w, noise, resolution)
        return image

    def _path_length_penalty(self, resolution: int, randomness: torch.Generator) -> Tensor:
        """Squared distance of the path lengths from their running mean (StyleGAN2, equation 4)."""
        count = max(1, self.options.batch // PATH_LENGTH_SHARE)
        w = self._styles(count, randomness)
        lengths = path_lengths(self._synthesize(w, resolution, randomness), w, randomness)
        mean = self.path_length_mean.lerp(lengths.mean().detach(), 0.01)
        self.path_length_mean = mean
        return (lengths - mean).square().mean()

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return super().state() | {"path_length_mean": self.path_length_mean}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        super().restore(state)
        self.path_length_mean = state["path_length_mean"]
