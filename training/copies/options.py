"""What a run that trains the copy detector is told, and the runs that are known to work."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from training.networks.copy_detector import DetectorConfig


@dataclass(frozen=True, kw_only=True)
class CopyOptions:
    """A whole run; saved beside it.

    Attributes:
        preset: name of the row in `PRESETS`.
        network: sizes of the network.
        images: images that the run shows, each once more as a copy; it may be changed while the run
            goes on, until the step size falls.
        batch: images per step; all others of the batch are its strangers.
        lr: largest step size of AdamW.
        warmup: images over which the step size rises.
        lr_decay_from: share of all images after which it falls, evenly, to zero at the end.
        weight_decay: of AdamW.
        temperature: of the contrastive loss.
        entropy: weight of the entropy loss.
        precision: "fp32", "bf16", or "auto" for bf16 where the processor multiplies it natively.
        snapshot_images: images between two checkpoints.
        log_images: images that one line of the log sums up.
        seed: of the initial weights and of every random draw.

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    preset: str
    network: DetectorConfig = field(default_factory=DetectorConfig)
    images: int
    batch: int = 256
    lr: float = 2e-3
    warmup: int = 4_096
    lr_decay_from: float = 0.6
    weight_decay: float = 0.02
    temperature: float = 0.05
    entropy: float = 1.0
    precision: str = "auto"
    snapshot_images: int = 10_240
    log_images: int = 2_560
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        for name, least in (("images", 1), ("batch", 2), ("warmup", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: {getattr(self, name)} is less than {least}")
        if not 0 <= self.lr_decay_from < 1:
            raise ValueError(f"lr_decay_from: {self.lr_decay_from} is outside [0, 1)")
        if not self.temperature > 0:
            raise ValueError(f"temperature: {self.temperature} is not above 0")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision: {self.precision!r} is none of auto, fp32, bf16")

    def lr_factor(self, images_seen: int) -> float:
        """Factor on the step size after so many images."""
        rising = (images_seen + self.batch) / self.warmup
        falling = (1 - images_seen / self.images) / (1 - self.lr_decay_from)
        return max(0.0, min(1.0, rising, falling))

    def same_until(self, images_seen: int, other: CopyOptions) -> bool:
        """Whether a run under `other` would have been the same so far."""
        if replace(other, images=self.images) != self:
            return False
        steps = range(0, images_seen, self.batch)
        return all(self.lr_factor(seen) == other.lr_factor(seen) for seen in steps)

    def to_json(self) -> str:
        """Everything that decides the run, as JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is not the options of such a run.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            return cls(**(values | {"network": DetectorConfig(**values["network"])}))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the options of a copy detector's run: {error}") from error


DEFAULT = CopyOptions(preset="copies-64", images=120_000)

PRESETS: dict[str, CopyOptions] = {
    "copies-64": DEFAULT,
    # Seconds: every branch of the loop, for the tests.
    "copies-16-tiny": replace(
        DEFAULT,
        preset="copies-16-tiny",
        network=DetectorConfig(resolution=16, widths=(8, 16), blocks=(0, 1), embedding=16),
        images=192,
        batch=16,
        warmup=32,
        precision="fp32",
        snapshot_images=64,
        log_images=32,
    ),
}
