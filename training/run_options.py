"""What every training run is told, whatever network it trains; saved beside the run."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from training.networks.interface import NetworkShape


@dataclass(frozen=True, kw_only=True)
class RunOptions(ABC):
    """The options that all kinds of network share; each kind adds its own.

    Attributes:
        kind: which kind of network; `training.kinds` lists them.
        future: fields that may be changed while they only tell what lies ahead of a run.
        preset: name of the row in `training.presets`.
        network: sizes of both networks.
        batch: real images per step.
        lr_generator: Adam's step size for the generator ...
        lr_discriminator: ... and for the discriminator.
        lr_decay_from: share of all images after which both are halved.
        r1_interval: steps between two R1 penalties (lazy regularisation, StyleGAN2 section 3.1).
        ema_half_life: images after which an old weight counts half in the moving average.
        mirror: flip half of the real images.
        precision: "fp32", "bf16", or "auto" for bf16 where the processor multiplies it natively.
        snapshot_images: images between two checkpoints and sample sheets.
        log_images: images that one line of the log sums up.
        seed: of the initial weights and of every random draw.
        transfer: sha256 of the checkpoint whose weights the run begins with; empty for new ones.
    """

    kind: ClassVar[str]
    network_type: ClassVar[type[Any]]
    future: ClassVar[frozenset[str]]

    preset: str
    network: NetworkShape
    batch: int = 16
    lr_generator: float = 0.0015
    lr_discriminator: float = 0.003
    lr_decay_from: float = 0.8
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
        if self.batch < 1:
            raise ValueError(f"batch: {self.batch} is less than 1")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision: {self.precision!r} is none of auto, fp32, bf16")

    @property
    @abstractmethod
    def total_images(self) -> int:
        """Real images that the whole run shows."""

    @abstractmethod
    def schedule(self, images_seen: int) -> Hashable:
        """Everything that changes while a run goes on, as it is after `images_seen` images."""

    def resolution_at(self, images_seen: int) -> int:
        """Side of the images that both networks see after `images_seen` images."""
        return self.network.resolution

    def lr_factor(self, images_seen: int) -> float:
        """Factor on both step sizes."""
        return 1.0 if images_seen < self.lr_decay_from * self.total_images else 0.5

    def same_until(self, images_seen: int, other: RunOptions) -> bool:
        """Whether a run under `other` would have been the same so far: the rest may be changed."""
        if self._fixed() != other._fixed():
            return False
        steps = range(0, images_seen, self.batch)
        return all(self.schedule(seen) == other.schedule(seen) for seen in steps)

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
