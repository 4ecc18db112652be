"""What a run that trains a DCGAN is told: checked before the first step."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Self

from training.gan.options import GanOptions
from training.networks.dcgan import DcganConfig


@dataclass(frozen=True, kw_only=True)
class DcganOptions(GanOptions):
    """A whole run; `GanOptions` tells of the fields that all kinds of network share.

    Attributes:
        images: real images that the run shows.
        beta1: decay of Adam's mean gradient.
        beta2: decay of Adam's mean squared gradient.
        real_label: what the discriminator is to say of real images; below 1 smooths the label on
            this side alone (Salimans et al. 2016, section 3.4).
        r1_gamma: weight of the R1 penalty; 0 turns it off.
        ema_half_life: 0 keeps no moving average: the generator itself is what is saved.
    """

    kind = "dcgan"
    network_type = DcganConfig
    future = GanOptions.future | {"images"}

    network: DcganConfig
    images: int
    beta1: float = 0.5
    beta2: float = 0.999
    real_label: float = 1.0
    r1_gamma: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        super().__post_init__()
        if self.r1_gamma < 0:
            raise ValueError(f"r1_gamma: {self.r1_gamma} is negative")
        if self.images < 1:
            raise ValueError(f"images: {self.images} is less than 1")
        if not 0.5 < self.real_label <= 1:
            raise ValueError(f"real_label: {self.real_label} is outside (0.5, 1]")

    @property
    def total_images(self) -> int:
        """Real images that the whole run shows."""
        return self.images

    def with_images(self, total: int) -> Self:
        """The same run with another number of images."""
        return replace(self, images=total)

    def with_r1(self, factor: float) -> Self:
        """The same run with the R1 weight multiplied."""
        return replace(self, r1_gamma=self.r1_gamma * factor)

    def schedule(self, images_seen: int) -> Hashable:
        """The step size alone changes."""
        return self.lr_factors(images_seen)
