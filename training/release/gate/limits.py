"""The limits of the gate, read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from training.metrics.registry import METRICS
from training.metrics.score import Figure
from training.release.errors import ReleaseError
from training.release.gate.rule import LARGE_IS_GOOD, SMALL_IS_GOOD, Limit

DEFAULT = Path(__file__).with_name("limits.toml")

# Every figure with the key of the metric that measures it.
FIGURES: dict[str, tuple[str, Figure]] = {
    figure.key: (key, figure) for key, metric in METRICS.items() for figure in metric.figures
}
# Figures of the extractor that judges what the others have chosen. Whoever selects by them, as a
# gate does, is left without a judge.
JUDGES = "judge_"


@dataclass(frozen=True)
class Limits:
    """All limits.

    Attributes:
        parity_levels: largest difference to PyTorch in the model card, 0-255.
        latency_ratio: of the candidate's median time to the current one's.
        images: fewest that the figures may rest on.
        figures: by the figure's key.
    """

    parity_levels: int
    latency_ratio: float
    images: int
    figures: dict[str, Limit]

    @property
    def quality(self) -> tuple[str, ...]:
        """Keys of the metrics that compare with real images that no training saw."""
        return tuple(key for key in self._metrics if "training" not in METRICS[key].needs)

    @property
    def copying(self) -> tuple[str, ...]:
        """Keys of the metrics that look for copies of training images."""
        return tuple(key for key in self._metrics if "training" in METRICS[key].needs)

    @property
    def _metrics(self) -> dict[str, None]:
        return dict.fromkeys(FIGURES[figure][0] for figure in self.figures)


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
    _only(file, found, {"parity_levels", "latency_ratio", "images", "figures"})
    for key in found.get("figures", {}):
        if key.startswith(JUDGES):
            raise ReleaseError(
                f"{file}: figures.{key} is the judge's, which decides nothing: take it out, and "
                "limit the figure of the other extractor"
            )
    _only(file, found.get("figures", {}), set(FIGURES))
    try:
        return Limits(
            parity_levels=int(found["parity_levels"]),
            latency_ratio=float(found["latency_ratio"]),
            images=int(found["images"]),
            figures={key: _limit(file, key, entry) for key, entry in found["figures"].items()},
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ReleaseError(f"{file}: {error!r}") from error


def _limit(file: Path, key: str, entry: dict[str, Any]) -> Limit:
    _only(file, entry, {field.name for field in fields(Limit)})
    limit = Limit(**{name: float(value) for name, value in entry.items()})
    where, better = f"{file}: figures.{key}", FIGURES[key][1].better
    if limit == Limit():
        raise ReleaseError(f"{where} has no limit")
    if limit.ratio is not None and not limit.ratio >= 1:
        raise ReleaseError(f"{where}.ratio is {limit.ratio:g}: give 1 or more")
    if limit.ratio is not None and better not in SMALL_IS_GOOD + LARGE_IS_GOOD:
        raise ReleaseError(f"{where} is better near its floor: give over_floor, not ratio")
    if limit.of_floor is not None and not 0 < limit.of_floor <= 1:
        raise ReleaseError(f"{where}.of_floor is {limit.of_floor:g}: give a share, up to 1")
    if limit.of_floor is not None and better not in LARGE_IS_GOOD:
        raise ReleaseError(f"{where} is better when it is small: give over_floor, not of_floor")
    return limit


def _only(file: Path, entries: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(entries) - known)
    if unknown:
        raise ReleaseError(
            f"{file}: {unknown[0]!r} is unknown; there are {', '.join(sorted(known))}"
        )
