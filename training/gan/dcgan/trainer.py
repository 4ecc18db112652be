"""One DCGAN run: its state and one step of it. The loop is in `training.run.loop`."""

from __future__ import annotations

import torch

from training.datasets.batches import DROPOUT, LATENT, torch_generator
from training.gan.dcgan.options import DcganOptions
from training.gan.losses import discriminator_loss, generator_loss, gradient_penalty
from training.gan.trainer import GanTrainer
from training.networks.dcgan import Discriminator, Generator
from training.run.trainer import StepLosses


class DcganTrainer(GanTrainer):
    """A DCGAN: both networks see the same batch of generated images, as in the StyleGAN2's step."""

    options: DcganOptions
    generator: Generator

    @property
    def adam_betas(self) -> tuple[float, float]:
        """Radford et al., section 4, take 0.5 and 0.999."""
        return self.options.beta1, self.options.beta2

    def build(self) -> tuple[Generator, Discriminator]:
        """Make both networks."""
        return Generator(self.options.network), Discriminator(self.options.network)

    def step(self) -> StepLosses:
        """Train both networks on one batch and return the losses; see `Trainer.step`."""
        options = self.options
        randomness = torch_generator(options.seed, LATENT, self.images_seen)
        torch.manual_seed(torch_generator(options.seed, DROPOUT, self.images_seen).initial_seed())
        self.set_rates()

        # The discriminator learns to tell real from fake; one batch of fakes serves both networks.
        side = options.network.resolution
        real = self.images.batch(self.images_seen, options.batch, side, device=self.device)
        with self.autocast():
            fake = self.generator(self.latents(options.batch, randomness)).float()
            real_logits = self.discriminator(real)
            fake_logits = self.discriminator(fake.detach())
            loss_d = discriminator_loss(real_logits, fake_logits, options.real_label)
        self.note("loss_d", loss_d)
        self.note("real_sign", real_logits.sign().mean())
        self.note("fake_sign", fake_logits.sign().mean())
        if options.r1_gamma > 0 and self.step_count % options.r1_interval == 0:
            penalty = gradient_penalty(self.discriminator, real)
            loss_d = loss_d + penalty * (options.r1_gamma / 2 * options.r1_interval)
            self.note("r1", penalty)
        self.descend(self.discriminator_adam, loss_d)

        # The generator learns to fool the updated discriminator.
        self.discriminator.requires_grad_(False)
        with self.autocast():
            loss_g = generator_loss(self.discriminator(fake))
        self.note("loss_g", loss_g)
        self.descend(self.generator_adam, loss_g)
        self.discriminator.requires_grad_(True)

        return self.finish_step()
