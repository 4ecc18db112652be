"""One StyleGAN2 run: its state and one step of it. The loop around it is in `training.train`."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor

from training.images import LATENT, RealImages, torch_generator
from training.losses import discriminator_loss, generator_loss, path_lengths, r1_penalty
from training.networks.stylegan2 import Discriminator, Generator
from training.options import TrainingOptions

# Images of the batch that path length regularisation looks at (StyleGAN2, appendix B: half or
# less).
PATH_LENGTH_SHARE = 4


class Trainer:
    """Both networks, their optimisers, the moving average, and the count of images seen.

    Args:
        options: the run.
        images: real images.
        device: where to train.
    """

    def __init__(self, options: TrainingOptions, images: RealImages, device: torch.device) -> None:
        self.options = options
        self.images = images
        self.device = device
        self.images_seen = 0
        self.step_count = 0
        self.path_length_mean = torch.zeros((), device=device)
        torch.manual_seed(options.seed)
        self.generator = Generator(options.network).to(device, memory_format=torch.channels_last)
        self.discriminator = Discriminator(options.network).to(
            device, memory_format=torch.channels_last
        )
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        # No momentum; beta 2 and epsilon as in StyleGAN2, appendix B.
        self.generator_adam, self.discriminator_adam = (
            torch.optim.Adam(network.parameters(), betas=(0.0, 0.99), eps=1e-8)
            for network in (self.generator, self.discriminator)
        )

    @property
    def use_bf16(self) -> bool:
        """Whether the networks run in bfloat16 (weights and penalties stay in float32)."""
        if self.options.precision == "auto":
            if self.device.type == "cuda":
                return torch.cuda.is_bf16_supported()
            # Without native instructions bfloat16 is emulated, eight times slower than float32.
            return bool(torch.cpu._is_avx512_bf16_supported())
        return self.options.precision == "bf16"

    def step(self) -> dict[str, float]:
        """Train both networks on one batch and return the losses.

        Raises:
            FloatingPointError: a loss is not finite; the state is spoilt, the last checkpoint is
                not.
        """
        options = self.options
        phase, fade = options.phase_at(self.images_seen)
        randomness = torch_generator(options.seed, LATENT, self.images_seen)
        for adam, rate in (
            (self.generator_adam, options.lr_generator),
            (self.discriminator_adam, options.lr_discriminator),
        ):
            self._set_rate(adam, rate * options.lr_factor(self.images_seen))

        # The discriminator learns to tell real from fake; one batch of fakes serves both networks.
        real = self.images.batch(self.images_seen, options.batch, phase.resolution)
        real = real.to(self.device, memory_format=torch.channels_last)
        fake = self._draw(options.batch, phase.resolution, randomness)
        with self._autocast():
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
        self._descend(self.discriminator_adam, loss_d)

        # The generator learns to fool the updated discriminator.
        self.discriminator.requires_grad_(False)
        with self._autocast():
            loss_g = generator_loss(self.discriminator(fake, fade))
        losses["loss_g"] = loss_g.item()
        if options.path_length_weight > 0 and self.step_count % options.path_length_interval == 0:
            penalty = self._path_length_penalty(phase.resolution, randomness)
            weight = options.path_length_weight * options.path_length_interval
            loss_g = loss_g + penalty * weight
            losses["path_length"] = self.path_length_mean.item()
        self._descend(self.generator_adam, loss_g)
        self.discriminator.requires_grad_(True)

        if not all(math.isfinite(value) for value in losses.values()):
            raise FloatingPointError(
                f"the losses after {self.images_seen} images are not finite ({losses}); the last "
                "checkpoint is whole; begin another run with another --seed or with "
                "--precision fp32"
            )
        self.images_seen += options.batch
        self.step_count += 1
        self._update_average()
        return losses

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.use_bf16)

    @staticmethod
    def _set_rate(adam: torch.optim.Adam, rate: float) -> None:
        for group in adam.param_groups:
            group["lr"] = rate

    @staticmethod
    def _descend(adam: torch.optim.Adam, loss: Tensor) -> None:
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()

    def _latents(self, count: int, randomness: torch.Generator) -> Tensor:
        z = torch.randn(count, self.options.network.z_dim, generator=randomness)
        return z.to(self.device)

    def _styles(self, count: int, randomness: torch.Generator) -> Tensor:
        """Draw w [B, L, W]; a share of the images takes its later layers from a second latent."""
        network = self.options.network
        w = self.generator.styles(self.generator.mapping(self._latents(count, randomness)))
        if not self.options.with_texture(self.images_seen):
            return w
        other = self.generator.styles(self.generator.mapping(self._latents(count, randomness)))
        layers = torch.arange(network.num_layers)
        crossover = torch.randint(1, network.num_layers, (count, 1), generator=randomness)
        mixed = torch.rand(count, 1, generator=randomness) < self.options.mixing_probability
        take_other = ((layers >= crossover) & mixed).to(self.device)
        return torch.where(take_other[:, :, None], other, w)

    def _draw(self, count: int, resolution: int, randomness: torch.Generator) -> Tensor:
        """Draw fake images [B, C, resolution, resolution]."""
        with self._autocast():
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

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the generator, shorter while the run is young."""
        half_life = min(self.options.ema_half_life, 0.1 * self.images_seen)
        weight = 1 - 0.5 ** (self.options.batch / max(half_life, 1e-8))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), weight
        )

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, as tensors and plain values."""
        return {
            "options": self.options.to_json(),
            "dataset": self.images.dataset.digest,
            "images_seen": self.images_seen,
            "step_count": self.step_count,
            "path_length_mean": self.path_length_mean,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.state_dict(),
            "generator_adam": self.generator_adam.state_dict(),
            "discriminator_adam": self.discriminator_adam.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.images_seen = state["images_seen"]
        self.step_count = state["step_count"]
        self.path_length_mean = state["path_length_mean"]
        self.transfer(state)
        for name in ("generator_adam", "discriminator_adam"):
            getattr(self, name).load_state_dict(state[name])

    def transfer(self, state: dict[str, Any]) -> None:
        """Take over the weights of a checkpoint, but neither its optimisers nor its schedule.

        Raises:
            ValueError: its networks have other sizes.
        """
        found = TrainingOptions.from_json(state["options"]).network
        if found != self.options.network:
            raise ValueError(f"the checkpoint's networks are {found}, not {self.options.network}")
        for name in ("generator", "discriminator", "average"):
            getattr(self, name).load_state_dict(state[name])
