"""What every training run is told, whatever it trains; saved beside it and in its checkpoint."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class RunOptions(ABC):
    """The options that all runs share; each kind of network adds its own.

    Attributes:
        kind: which kind of network.
        network_type: the dataclass of its sizes.
        unnamed: the kind of options in which none is written: of runs before there was a choice.
        future: fields that may be changed while they only tell what lies ahead of a run.
        preset: name of the preset that they come from.
        network: sizes of the networks, a `network_type`.
        batch: images per step.
        precision: "fp32", "bf16", or "auto" for bf16 where the processor multiplies it natively.
        snapshot_images: images between two checkpoints.
        log_images: images that one line of the log sums up.
        seed: of the initial weights and of every random draw.

    Raises:
        ValueError: a field is out of range; the message names it.
    """

    kind: ClassVar[str]
    network_type: ClassVar[type[Any]]
    unnamed: ClassVar[str]
    future: ClassVar[frozenset[str]] = frozenset({"snapshot_images", "log_images"})

    preset: str
    network: Any
    batch: int = 16
    precision: str = "auto"
    snapshot_images: int = 16_384
    log_images: int = 1_024
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a run that could not finish."""
        self.check_least(1, "batch", "snapshot_images", "log_images")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision: {self.precision!r} is none of auto, fp32, bf16")

    def check_least(self, least: int, *names: str) -> None:
        """Refuse fields below a bound.

        Raises:
            ValueError: naming the first one.
        """
        for name in names:
            if getattr(self, name) < least:
                raise ValueError(f"{name}: {getattr(self, name)} is less than {least}")

    @property
    @abstractmethod
    def total_images(self) -> int:
        """Images that the whole run shows."""

    @abstractmethod
    def schedule(self, images_seen: int) -> Hashable:
        """Everything that changes while a run goes on, as it is after `images_seen` images."""

    @abstractmethod
    def resolution_at(self, images_seen: int) -> int:
        """Side in pixels of the images that are seen after `images_seen` images."""

    def snapshot_due(self, images_seen: int) -> bool:
        """Whether the step that came this far leaves a snapshot: now and then, and at the end."""
        every = self.snapshot_images
        due = images_seen // every > (images_seen - self.batch) // every
        return due or images_seen >= self.total_images

    def continuing(self, past: Self, images_seen: int) -> Self:
        """These options for a run that came this far under `past`."""
        return self

    def differences(self, images_seen: int, other: RunOptions) -> list[str]:
        """Names of what would have made a run under `other` another one so far; the rest may be
        changed.
        """
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
        """Read what `to_json` wrote, now or in an earlier version.

        Raises:
            ValueError: the text is not the options of a run of this kind.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            values.pop("total_images", None)
            kind = values.pop("kind", cls.unnamed)
            if kind != cls.kind:
                raise ValueError(f"the run trains a {kind}, not a {cls.kind}")
            return cls(**cls.parse_fields(values))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not the options of a training run: {error}") from error

    @classmethod
    def parse_fields(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Turn the JSON of nested fields into their types."""
        return values | {"network": cls.network_type(**values["network"])}
