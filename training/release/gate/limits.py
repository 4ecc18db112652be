"""The limits of the gate, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from training.metrics.registry import METRICS
from training.metrics.score import Figure
from training.release.errors import ReleaseError

DEFAULT = Path(__file__).with_name("limits.toml")

# Every figure with the key of the metric that measures it.
FIGURES: dict[str, tuple[str, Figure]] = {
    figure.key: (key, figure) for key, metric in METRICS.items() for figure in metric.figures
}


@dataclass(frozen=True)
class Limit:
    """What one figure must keep to; None: no such limit.

    Attributes:
        ratio: how much worse than the current version's it may be, a factor of 1 or more.
        at_most: largest value.
        at_least: smallest value.
        over_floor: how far above the floor, the value of unseen real images.
    """

    ratio: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    over_floor: float | None = None


@dataclass(frozen=True)
class Limits:
    """All limits.

    Attributes:
        parity_levels: largest difference to PyTorch in the model card, 0-255.
        latency_ratio: of the candidate's median time to the current one's.
        figures: by the figure's key.
    """

    parity_levels: int
    latency_ratio: float
    figures: dict[str, Limit]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Keys of the metrics that have to be measured."""
        return tuple(dict.fromkeys(FIGURES[figure][0] for figure in self.figures))


def read_limits(file: Path) -> Limits:
    """Read a file like `limits.toml`.

    Raises:
        ReleaseError: it is not one; names the wrong entry.
        OSError: it cannot be read.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{file}: {error}") from error
    _only(file, found, {"parity_levels", "latency_ratio", "figures"})
    _only(file, found.get("figures", {}), set(FIGURES))
    try:
        return Limits(
            parity_levels=int(found["parity_levels"]),
            latency_ratio=float(found["latency_ratio"]),
            figures={key: _limit(file, key, entry) for key, entry in found["figures"].items()},
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ReleaseError(f"{file}: {error!r}") from error


def _limit(file: Path, key: str, entry: dict[str, Any]) -> Limit:
    _only(file, entry, {field.name for field in fields(Limit)})
    limit = Limit(**{name: float(value) for name, value in entry.items()})
    if limit == Limit():
        raise ReleaseError(f"{file}: figures.{key} has no limit")
    if limit.ratio is not None and not limit.ratio >= 1:
        raise ReleaseError(f"{file}: figures.{key}.ratio is {limit.ratio:g}: give 1 or more")
    if limit.ratio is not None and FIGURES[key][1].better not in ("lower", "higher"):
        raise ReleaseError(f"{file}: figures.{key} is better near its floor: give over_floor")
    return limit


def _only(file: Path, entries: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(entries) - known)
    if unknown:
        raise ReleaseError(
            f"{file}: {unknown[0]!r} is unknown; there are {', '.join(sorted(known))}"
        )
