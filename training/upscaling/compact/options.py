"""What a run that trains the compact network is told, and the runs that are known to work."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from training.run.options import RunOptions
from training.upscaling.compact.network import CompactConfig


@dataclass(frozen=True, kw_only=True)
class CompactOptions(RunOptions):
    """A whole run; `RunOptions` tells of the fields that all runs share: an image is a pair here.

    Attributes:
        network: sizes of the network.
        images: pairs that the run shows; it may be changed while the run goes on, until the step
            size falls.
        batch: pairs per step.
        side: of a pair's large picture in pixels.
        soft: share of pairs whose large picture is made soft first.
        lr: largest step size of Adam.
        warmup: pairs over which the step size rises.
        finish_from: share of all pairs after which the step size falls to zero as a cosine, and the
            loss is the squared error, whose minimum is the highest PSNR.
        charbonnier: distance in levels below which the loss before that is quadratic.
        ema_half_life: pairs after which an old weight counts half in the moving average.

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    kind = unnamed = "compact upscaler"
    network_type = CompactConfig
    future = RunOptions.future | {"images"}

    network: CompactConfig = field(default_factory=CompactConfig)
    images: int
    batch: int = 8
    side: int = 96
    soft: float = 0.0
    lr: float = 2e-3
    warmup: int = 4_000
    finish_from: float = 0.6
    charbonnier: float = 1.0
    ema_half_life: int = 8_000
    snapshot_images: int = 8_000
    log_images: int = 800

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        super().__post_init__()
        self.check_least(1, "images", "warmup", "ema_half_life")
        if self.side < 2 or self.side % 2:
            raise ValueError(f"side: {self.side} is no positive even number")
        if not 0 <= self.soft <= 1:
            raise ValueError(f"soft: {self.soft} is outside [0, 1]")
        if not 0 <= self.finish_from < 1:
            raise ValueError(f"finish_from: {self.finish_from} is outside [0, 1)")
        if not self.charbonnier > 0:
            raise ValueError(f"charbonnier: {self.charbonnier} is not above 0")

    def finishing(self, images_seen: int) -> float:
        """How far the run's last part has come after so many pairs: 0 before it, 1 at the end."""
        share = images_seen / self.images
        return max(0.0, (share - self.finish_from) / (1 - self.finish_from))

    @property
    def total_images(self) -> int:
        """Pairs that the whole run shows."""
        return self.images

    def schedule(self, images_seen: int) -> Hashable:
        """Step size and loss change at the end."""
        return self.finishing(images_seen)

    def resolution_at(self, images_seen: int) -> int:
        """Side of a pair's large picture; it stays the same."""
        return self.side


DEFAULT = CompactOptions(preset="compact-2x", images=90_000)

PRESETS: dict[str, CompactOptions] = {
    # Sharp drawings alone, a shallower network: where the default begins.
    "compact-2x-sharp": replace(DEFAULT, preset="compact-2x-sharp", images=190_000),
    "compact-2x": replace(
        DEFAULT,
        network=CompactConfig(depth=8),
        soft=0.4,
        lr=1.5e-3,
        warmup=2_000,
        finish_from=0.25,
    ),
    # With pictures of the kind that it will meet, which are 64 px small.
    "compact-2x-faces": replace(
        DEFAULT,
        preset="compact-2x-faces",
        network=CompactConfig(depth=8),
        images=160_000,
        side=64,
        soft=0.2,
        lr=1e-3,
        warmup=2_000,
        finish_from=0.1,
    ),
    # Seconds: every branch of the loop, for the tests.
    "compact-tiny": replace(
        DEFAULT,
        preset="compact-tiny",
        network=CompactConfig(width=8, depth=1, expansion=2),
        images=320,
        side=16,
        lr=3e-3,
        warmup=16,
        ema_half_life=32,
        precision="fp32",
        snapshot_images=96,
        log_images=32,
    ),
}
