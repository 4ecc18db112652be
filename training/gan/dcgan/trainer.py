"""One DCGAN run: its state and one step of it. The loop is in `training.run.loop`."""

from __future__ import annotations

import torch

from training.datasets.batches import DROPOUT, LATENT, torch_generator
from training.datasets.store import Dataset
from training.gan.dcgan.batch_norm import share_statistics, sharing
from training.gan.dcgan.options import DcganOptions
from training.gan.losses import discriminator_loss, generator_loss, gradient_penalty
from training.gan.trainer import GanTrainer
from training.networks.dcgan import Discriminator, Generator
from training.networks.stylegan2.layers import DEVIATION_GROUP
from training.run.compute import Compute
from training.run.distributed import parts_of_batch
from training.run.trainer import StepLosses


class DcganTrainer(GanTrainer):
    """A DCGAN: both networks see the same batch of generated images, as in the StyleGAN2's step.

    Several processes share each batch, and the statistics of batch normalisation over it: they take
    the steps that one would. (Dropout alone is drawn by each for its part.)
    """

    options: DcganOptions
    generator: Generator

    def __init__(
        self,
        options: DcganOptions,
        dataset: Dataset,
        device: torch.device,
        compute: Compute | None = None,
    ) -> None:
        super().__init__(options, dataset, device, compute)
        if self.compute.accumulate > 1 or self.compute.compiled:
            raise ValueError(
                "a dcgan's batch normalisation needs the whole batch in one pass, as it is: leave "
                "--accumulate and --compile out"
            )
        world = self.compute.world
        group = DEVIATION_GROUP if options.network.minibatch_deviation else 1
        self._rows = parts_of_batch(options.batch, world.size, group)[world.rank]

    @property
    def adam_betas(self) -> tuple[float, float]:
        """Radford et al., section 4, take 0.5 and 0.999."""
        return self.options.beta1, self.options.beta2

    def build(self) -> tuple[Generator, Discriminator]:
        """Make both networks."""
        networks = Generator(self.options.network), Discriminator(self.options.network)
        if self.compute.world.size > 1:
            for network in networks:
                share_statistics(network.norms)
        return networks

    def step(self) -> StepLosses:
        """Train both networks on one batch and return the losses; see `Trainer.step`."""
        with sharing():
            return self._step()

    def _step(self) -> StepLosses:
        options, rank = self.options, self.compute.world.rank
        randomness = torch_generator(options.seed, LATENT, self.images_seen)
        seed = torch_generator(options.seed, DROPOUT, self.images_seen).initial_seed()
        torch.manual_seed(seed + rank)
        self.set_rates()

        # The discriminator learns to tell real from fake; one batch of fakes serves both networks.
        side = options.network.resolution
        real = self.images.batch(self.images_seen, options.batch, side, self._rows, self.device)
        latents = self.latents(options.batch, randomness)[self._rows.to(self.device)]
        with self.autocast():
            fake = self.generator(latents).float()
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
