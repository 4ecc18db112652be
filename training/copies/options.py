"""What a run that trains the copy detector is told, and the runs that are known to work."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from training.networks.copy_detector import DetectorConfig
from training.run.options import RunOptions


@dataclass(frozen=True, kw_only=True)
class CopyOptions(RunOptions):
    """A whole run; `RunOptions` tells of the fields that all runs share.

    Attributes:
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

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    kind = unnamed = "copy detector"
    network_type = DetectorConfig
    future = RunOptions.future | {"images"}

    network: DetectorConfig = field(default_factory=DetectorConfig)
    images: int
    batch: int = 256
    lr: float = 2e-3
    warmup: int = 4_096
    lr_decay_from: float = 0.6
    weight_decay: float = 0.02
    temperature: float = 0.05
    entropy: float = 1.0
    snapshot_images: int = 10_240
    log_images: int = 2_560

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        super().__post_init__()
        self.check_least(1, "images", "warmup")
        self.check_least(2, "batch")
        if not 0 <= self.lr_decay_from < 1:
            raise ValueError(f"lr_decay_from: {self.lr_decay_from} is outside [0, 1)")
        if not self.temperature > 0:
            raise ValueError(f"temperature: {self.temperature} is not above 0")

    def lr_factor(self, images_seen: int) -> float:
        """Factor on the step size after so many images."""
        rising = (images_seen + self.batch) / self.warmup
        falling = (1 - images_seen / self.images) / (1 - self.lr_decay_from)
        return max(0.0, min(1.0, rising, falling))

    @property
    def total_images(self) -> int:
        """Images that the whole run shows."""
        return self.images

    def schedule(self, images_seen: int) -> Hashable:
        """The step size alone changes."""
        return self.lr_factor(images_seen)

    def resolution_at(self, images_seen: int) -> int:
        """Side of the images; it stays the same."""
        return self.network.resolution


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
