"""What a run that trains a GAN is told, whichever kind of network it trains."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from training.gan.scaling import step_size_factor
from training.networks.interface import NetworkShape
from training.run.options import RunOptions


@dataclass(frozen=True, kw_only=True)
class GanOptions(RunOptions):
    """The options that all GANs share; each kind adds its own.

    Attributes:
        switches: shares of all images at which a run changes for good, and the fields that hold
            the images after which it did so, once the total has been changed since.
        network: sizes of both networks.
        batch: real images per step.
        lr_generator: Adam's step size for the generator ...
        lr_discriminator: ... and for the discriminator.
        lr_warmup_images: images over which both rise evenly from zero; a transferred run needs it,
            whose optimisers know nothing yet of networks that are good already.
        discriminator_first_images: images that teach the discriminator alone, before the
            generator's step size begins to rise: one that was transferred by itself would unlearn
            what it knows from a discriminator that knows nothing.
        lr_decay_from: share of all images after which both are halved.
        lr_decay_at: images after which both were halved before the total was changed.
        r1_interval: steps between two R1 penalties (lazy regularisation, StyleGAN2 section 3.1).
        ema_half_life: images after which an old weight counts half in the moving average; it is
            shorter while a run from scratch is young.
        mirror: flip half of the real images.
        transfer: sha256 of the file whose weights the run begins with; empty for new ones.
    """

    unnamed = "stylegan2"
    future = RunOptions.future | {"lr_decay_at"}
    switches: ClassVar[dict[str, str]] = {"lr_decay_from": "lr_decay_at"}

    network: NetworkShape
    lr_generator: float = 0.0015
    lr_discriminator: float = 0.003
    lr_warmup_images: int = 0
    discriminator_first_images: int = 0
    lr_decay_from: float = 0.8
    lr_decay_at: int | None = None
    r1_interval: int = 16
    ema_half_life: int = 8_000
    mirror: bool = True
    transfer: str = ""

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        super().__post_init__()
        self.check_least(1, "r1_interval")
        for name in ("ema_half_life", "lr_warmup_images", "discriminator_first_images"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is negative")
        for name in ("lr_generator", "lr_discriminator"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")
        for name in self.switches:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not a share between 0 and 1")

    @abstractmethod
    def with_images(self, total: int) -> Self:
        """The same run with another number of images; what it ends with is made longer or shorter.

        Raises:
            ValueError: there are too few.
        """

    @abstractmethod
    def with_r1(self, factor: float) -> Self:
        """The same run with all R1 weights multiplied."""

    def with_batch(self, batch: int) -> Self:
        """The same run with another batch, and what follows from it; see `training.gan.scaling`.

        Raises:
            ValueError: a batch has at least one image.
        """
        rates = step_size_factor(replace(self, batch=batch).batch, self.batch)
        return replace(
            self.with_r1(self.batch / batch),
            batch=batch,
            lr_generator=self.lr_generator * rates,
            lr_discriminator=self.lr_discriminator * rates,
            ema_half_life=round(self.ema_half_life * batch / self.batch),
        )

    def resolution_at(self, images_seen: int) -> int:
        """Side of the images that both networks see after `images_seen` images."""
        return self.network.resolution

    def lr_factors(self, images_seen: int) -> tuple[float, float]:
        """Factors on the step sizes of generator and discriminator."""
        decay = 1.0 if images_seen < self.switch_at("lr_decay_from") else 0.5
        alone = images_seen - self.discriminator_first_images
        generator = self._warmth(alone) if alone >= 0 else 0.0
        return generator * decay, self._warmth(images_seen) * decay

    def _warmth(self, images: int) -> float:
        return min(1.0, images / self.lr_warmup_images) if self.lr_warmup_images else 1.0

    def half_life_at(self, images_seen: int) -> float:
        """Half-life of the moving average: a tenth of the images seen, if that is less.

        Early weights of a run from scratch are to be forgotten. Those that a transferred run begins
        with are the best it has.
        """
        young = math.inf if self.transfer else 0.1 * images_seen
        return min(self.ema_half_life, young)

    def switch_at(self, share: str) -> float:
        """Images after which a run switches; `share` is one of `switches`."""
        made = getattr(self, self.switches[share])
        at: float = getattr(self, share) * self.total_images if made is None else made
        return at

    def continuing(self, past: Self, images_seen: int) -> Self:
        """These options for a run that came this far under `past`: its switches stay where they
        were.

        They are shares of a total, which may be changed.
        """
        made: dict[str, Any] = {
            at: math.ceil(past.switch_at(share))
            for share, at in self.switches.items()
            if getattr(past, share) == getattr(self, share)
            and past.switch_at(share) <= images_seen - self.batch  # the last step's
            and past.switch_at(share) != self.switch_at(share)
        }
        return replace(self, **made)
