"""What a run that trains a StyleGAN2 is told: checked before the first step."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

from training.gan.losses import LOSSES
from training.gan.options import GanOptions
from training.networks.stylegan2 import NetworkConfig

AUGMENT = ("none", "fixed", "adaptive")


@dataclass(frozen=True)
class Phase:
    """One stage of progressive growing (Karras et al. 2018).

    Attributes:
        resolution: side of the images that both networks see, in pixels.
        images: real images shown in this phase.
        r1_gamma: weight of the R1 penalty; it grows with the resolution.
        fade_images: real images over which the discriminator's new input is faded in.
    """

    resolution: int
    images: int
    r1_gamma: float
    fade_images: int = 0


@dataclass(frozen=True, kw_only=True)
class StyleganOptions(GanOptions):
    """A whole run; `GanOptions` tells of the fields that all kinds of network share.

    Attributes:
        phases: progressive growing, coarse to fine; the last one has the network's resolution.
        path_length_weight: weight of path length regularisation (StyleGAN2 section 3.2); 0 turns it
            off.
        path_length_interval: steps between two of its evaluations.
        mixing_probability: share of images drawn from two latents (style mixing, StyleGAN section
            3.1).
        texture_from: share of all images after which noise inputs and style mixing are switched on.
            From the start, a short run draws all fine detail from the noise and none from w.
        texture_at: images after which they were switched on before the total was changed.
        loss: "logistic" (StyleGAN2) or "relativistic" (R3GAN, with R2 beside R1).
        augment: "none", "fixed" or "adaptive": whether the discriminator sees augmented images, and
            whether the probability follows how much it overfits (Karras et al. 2020).
        augment_p: probability of each operation, at the start where it is adaptive.
        augment_target: mean sign of the logits of real images that "adaptive" holds.
        augment_ramp_images: images over which "adaptive" can move the probability from 0 to 1.
        freeze_d: layers of the discriminator, from the image on, that a transferred run keeps.
    """

    kind = "stylegan2"
    network_type = NetworkConfig
    future = GanOptions.future | {"phases", "texture_at"}
    switches = GanOptions.switches | {"texture_from": "texture_at"}

    network: NetworkConfig
    phases: tuple[Phase, ...]
    path_length_weight: float = 0.0
    path_length_interval: int = 4
    mixing_probability: float = 0.5
    texture_from: float = 0.8
    texture_at: int | None = None
    loss: str = "logistic"
    augment: str = "none"
    augment_p: float = 0.0
    augment_target: float = 0.6
    augment_ramp_images: int = 500_000
    freeze_d: int = 0

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        super().__post_init__()
        sides = [phase.resolution for phase in self.phases]
        if not sides or sides != sorted(sides) or sides[-1] != self.network.resolution:
            raise ValueError(
                f"phases: {sides} must rise to the resolution {self.network.resolution}"
            )
        for phase in self.phases:
            if phase.images < 1:
                raise ValueError(f"phases: {phase.images} images at {phase.resolution} px")
            if phase.r1_gamma < 0:
                raise ValueError(f"r1_gamma: {phase.r1_gamma} at {phase.resolution} px is negative")
        if self.path_length_weight < 0:
            raise ValueError(f"path_length_weight: {self.path_length_weight} is negative")
        if self.loss not in LOSSES:
            raise ValueError(f"loss: {self.loss!r} is none of {', '.join(LOSSES)}")
        if self.freeze_d and not self.transfer:
            raise ValueError("freeze_d: there is nothing to keep without --transfer CHECKPOINT")
        self._check_augmentation()

    def _check_augmentation(self) -> None:
        if self.augment not in AUGMENT:
            raise ValueError(f"augment: {self.augment!r} is none of {', '.join(AUGMENT)}")
        if self.augment == "adaptive" and LOSSES[self.loss].relates:
            raise ValueError(
                "augment: adaptive follows the signs of the logits, which the "
                f"{self.loss} loss leaves open: give --augment fixed and an --augment-p, or "
                "--augment none"
            )
        if not 0 <= self.augment_p <= 1:
            raise ValueError(f"augment_p: {self.augment_p} is not a probability")
        if self.augment == "fixed" and self.augment_p == 0:
            raise ValueError("augment_p: a fixed probability of 0 augments nothing")
        if not -1 < self.augment_target < 1:
            raise ValueError(f"augment_target: {self.augment_target} is not between -1 and 1")
        if self.augment_ramp_images < 1:
            raise ValueError(f"augment_ramp_images: {self.augment_ramp_images} is less than 1")

    @property
    def total_images(self) -> int:
        """Images of all phases."""
        return sum(phase.images for phase in self.phases)

    def with_images(self, total: int) -> Self:
        """The same run with another number of images: the last phase is made longer or shorter.

        Raises:
            ValueError: the phases before it leave it none.
        """
        *earlier, last = self.phases
        before = sum(phase.images for phase in earlier)
        if total <= before:
            raise ValueError(
                f"images: {total} leave none for the last phase, which begins after {before}"
            )
        return replace(self, phases=(*earlier, replace(last, images=total - before)))

    def with_r1(self, factor: float) -> Self:
        """The same run with the R1 weights of all phases multiplied."""
        return replace(
            self,
            phases=tuple(replace(phase, r1_gamma=phase.r1_gamma * factor) for phase in self.phases),
        )

    def without_growing(self) -> Self:
        """The same number of images, all of them at the full resolution."""
        full = [phase for phase in self.phases if phase.resolution == self.network.resolution]
        images = self.total_images - sum(phase.images for phase in full[1:])
        return replace(self, phases=(replace(full[0], images=images, fade_images=0), *full[1:]))

    def phase_at(self, images_seen: int) -> tuple[Phase, float]:
        """Return the phase that trains after `images_seen` images and its fade weight in [0, 1]."""
        start = 0
        for position, phase in enumerate(self.phases):
            if images_seen < start + phase.images or position == len(self.phases) - 1:
                # Nothing to fade from in the first phase.
                fading = position > 0 and phase.fade_images > 0
                fade = (images_seen - start) / phase.fade_images if fading else 1.0
                return phase, min(1.0, fade)
            start += phase.images
        raise AssertionError("phases is never empty")

    def resolution_at(self, images_seen: int) -> int:
        """Side of the images in the phase that trains after `images_seen` images."""
        return self.phase_at(images_seen)[0].resolution

    def with_texture(self, images_seen: int) -> bool:
        """Whether noise inputs and style mixing are on."""
        return images_seen >= self.switch_at("texture_from")

    def schedule(self, images_seen: int) -> Hashable:
        """The phase's side and R1, fading, step size, texture."""
        phase, fade = self.phase_at(images_seen)
        factors, texture = self.lr_factors(images_seen), self.with_texture(images_seen)
        return (phase.resolution, phase.r1_gamma, fade, factors, texture)

    @classmethod
    def parse_fields(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Turn the JSON of network and phases into their types."""
        phases = tuple(Phase(**phase) for phase in values["phases"])
        return super().parse_fields(values) | {"phases": phases}
