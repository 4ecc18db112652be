"""What every training run is told, whatever network it trains; saved beside the run."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self

from training.gan.scaling import step_size_factor
from training.networks.interface import NetworkShape


@dataclass(frozen=True, kw_only=True)
class RunOptions(ABC):
    """The options that all kinds of network share; each kind adds its own.

    Attributes:
        kind: which kind of network; `training.gan.kinds` lists them.
        future: fields that may be changed while they only tell what lies ahead of a run.
        switches: shares of all images at which a run changes for good, and the fields that hold
            the images after which it did so, once the total has been changed since.
        preset: name of the row in `training.gan.presets`.
        network: sizes of both networks.
        batch: real images per step.
        lr_generator: Adam's step size for the generator ...
        lr_discriminator: ... and for the discriminator.
        lr_warmup_images: images over which both rise evenly from zero; a transferred run needs it,
            whose optimisers know nothing yet of networks that are good already.
        lr_decay_from: share of all images after which both are halved.
        lr_decay_at: images after which both were halved before the total was changed.
        r1_interval: steps between two R1 penalties (lazy regularisation, StyleGAN2 section 3.1).
        ema_half_life: images after which an old weight counts half in the moving average; it is
            shorter while a run from scratch is young.
        mirror: flip half of the real images.
        precision: "fp32", "bf16", or "auto" for bf16 where the processor multiplies it natively.
        snapshot_images: images between two checkpoints and sample sheets.
        log_images: images that one line of the log sums up.
        seed: of the initial weights and of every random draw.
        transfer: sha256 of the checkpoint whose weights the run begins with; empty for new ones.
    """

    kind: ClassVar[str]
    network_type: ClassVar[type[Any]]
    future: ClassVar[frozenset[str]] = frozenset({"snapshot_images", "log_images", "lr_decay_at"})
    switches: ClassVar[dict[str, str]] = {"lr_decay_from": "lr_decay_at"}

    preset: str
    network: NetworkShape
    batch: int = 16
    lr_generator: float = 0.0015
    lr_discriminator: float = 0.003
    lr_warmup_images: int = 0
    lr_decay_from: float = 0.8
    lr_decay_at: int | None = None
    r1_interval: int = 16
    ema_half_life: int = 8_000
    mirror: bool = True
    precision: str = "auto"
    snapshot_images: int = 16_384
    log_images: int = 1_024
    seed: int = 0
    transfer: str = ""

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        for name in ("batch", "r1_interval", "snapshot_images", "log_images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is less than 1")
        for name in ("ema_half_life", "lr_warmup_images"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is negative")
        for name in ("lr_generator", "lr_discriminator"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")
        for name in self.switches:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not a share between 0 and 1")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision: {self.precision!r} is none of auto, fp32, bf16")

    @property
    @abstractmethod
    def total_images(self) -> int:
        """Real images that the whole run shows."""

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

    @abstractmethod
    def schedule(self, images_seen: int) -> Hashable:
        """Everything that changes while a run goes on, as it is after `images_seen` images."""

    def resolution_at(self, images_seen: int) -> int:
        """Side of the images that both networks see after `images_seen` images."""
        return self.network.resolution

    def lr_factor(self, images_seen: int) -> float:
        """Factor on both step sizes."""
        warmth = min(1.0, images_seen / self.lr_warmup_images) if self.lr_warmup_images else 1.0
        return warmth * (1.0 if images_seen < self.switch_at("lr_decay_from") else 0.5)

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
        made = {
            at: math.ceil(past.switch_at(share))
            for share, at in self.switches.items()
            if getattr(past, share) == getattr(self, share)
            and past.switch_at(share) <= images_seen - self.batch  # the last step's
            and past.switch_at(share) != self.switch_at(share)
        }
        return replace(self, **made)

    def same_until(self, images_seen: int, other: RunOptions) -> bool:
        """Whether a run under `other` would have been the same so far: the rest may be changed."""
        return not self.differences(images_seen, other)

    def differences(self, images_seen: int, other: RunOptions) -> list[str]:
        """Names of what would have made a run under `other` another one so far."""
        ours, theirs = self._fixed(), other._fixed()
        names = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
        if names:
            return sorted(names)
        steps = range(0, images_seen, self.batch)
        same = all(self.schedule(seen) == other.schedule(seen) for seen in steps)
        return [] if same else [f"the schedule of the first {images_seen} images"]

    def _fixed(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        fixed = {name: value for name, value in values.items() if name not in self.future}
        return fixed | {"kind": self.kind}

    def to_json(self) -> str:
        """Everything that decides the run, as JSON."""
        told = {"kind": self.kind, "total_images": self.total_images}
        return json.dumps(told | asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is not the options of a run of this kind.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            values.pop("total_images")
            kind = values.pop("kind", "stylegan2")  # runs before there was a choice
            if kind != cls.kind:
                raise ValueError(f"the run trains a {kind}, not a {cls.kind}")
            return cls(**cls.parse_fields(values))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the options of a training run: {error}") from error

    @classmethod
    def parse_fields(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Turn the JSON of nested fields into their types."""
        return values | {"network": cls.network_type(**values["network"])}
