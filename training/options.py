"""What a training run is told: checked before the first step, and saved beside the run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from training.networks.stylegan2 import NetworkConfig


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


@dataclass(frozen=True)
class TrainingOptions:
    """A whole run.

    Attributes:
        preset: name of the row in `training.presets`.
        network: sizes of both networks.
        phases: progressive growing, coarse to fine; the last one has the network's resolution.
        batch: real images per step.
        lr_generator: Adam's step size for the generator ...
        lr_discriminator: ... and for the discriminator.
        lr_decay_from: share of all images after which both are halved.
        r1_interval: steps between two R1 penalties (lazy regularisation, StyleGAN2 section 3.1).
        path_length_weight: weight of path length regularisation (StyleGAN2 section 3.2); 0 turns it
            off.
        path_length_interval: steps between two of its evaluations.
        ema_half_life: images after which an old weight counts half in the moving average.
        mixing_probability: share of images drawn from two latents (style mixing, StyleGAN section
            3.1).
        texture_from: share of all images after which noise inputs and style mixing are switched on.
            From the start, a short run draws all fine detail from the noise and none from w.
        mirror: flip half of the real images.
        precision: "fp32", "bf16", or "auto" for bf16 where the processor multiplies it natively.
        snapshot_images: images between two checkpoints and sample sheets.
        log_images: images that one line of the log sums up.
        seed: of the initial weights and of every random draw.
        transfer: sha256 of the checkpoint whose weights the run begins with; empty for new ones.
    """

    preset: str
    network: NetworkConfig
    phases: tuple[Phase, ...]
    batch: int = 16
    lr_generator: float = 0.0015
    lr_discriminator: float = 0.003
    lr_decay_from: float = 0.8
    r1_interval: int = 16
    path_length_weight: float = 0.0
    path_length_interval: int = 4
    ema_half_life: int = 8_000
    mixing_probability: float = 0.5
    texture_from: float = 0.8
    mirror: bool = True
    precision: str = "auto"
    snapshot_images: int = 16_384
    log_images: int = 1_024
    seed: int = 0
    transfer: str = ""
    total_images: int = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        sides = [phase.resolution for phase in self.phases]
        if not sides or sides != sorted(sides) or sides[-1] != self.network.resolution:
            raise ValueError(
                f"phases: {sides} must rise to the resolution {self.network.resolution}"
            )
        if self.batch < 1:
            raise ValueError(f"batch: {self.batch} is less than 1")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision: {self.precision!r} is none of auto, fp32, bf16")
        object.__setattr__(self, "total_images", sum(phase.images for phase in self.phases))

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

    def lr_factor(self, images_seen: int) -> float:
        """Factor on both step sizes."""
        return 1.0 if images_seen < self.lr_decay_from * self.total_images else 0.5

    def with_texture(self, images_seen: int) -> bool:
        """Whether noise inputs and style mixing are on."""
        return images_seen >= self.texture_from * self.total_images

    def same_until(self, images_seen: int, other: TrainingOptions) -> bool:
        """Whether a run under `other` would have been the same so far: the rest may be changed."""
        if replace(self, phases=other.phases) != other:
            return False
        steps = range(0, images_seen, self.batch)
        return all(self._schedule(seen) == other._schedule(seen) for seen in steps)

    def _schedule(self, images_seen: int) -> tuple[float, ...]:
        """Everything that changes while a run goes on."""
        phase, fade = self.phase_at(images_seen)
        factor, texture = self.lr_factor(images_seen), self.with_texture(images_seen)
        return (phase.resolution, phase.r1_gamma, fade, factor, texture)

    def to_json(self) -> str:
        """Everything that decides the run, as JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TrainingOptions:
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is not a run's options.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            values.pop("total_images")
            values["network"] = NetworkConfig(**values["network"])
            values["phases"] = tuple(Phase(**phase) for phase in values["phases"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the options of a training run: {error}") from error
