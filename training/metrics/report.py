"""What was measured: as a table for people, as JSON, and for a model card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from training.features.efficientnet import LITE0
from training.metrics.evaluate import Evaluation
from training.metrics.registry import METRICS
from training.metrics.samples import Noise
from training.metrics.score import Figure, Score
from training.metrics.views import SERVED

HEADER = ("figure", "value", "95 % interval", "real vs real", "better")


def table(evaluation: Evaluation) -> str:
    """What was looked at, one line per figure, then the sample sizes and what was left out."""
    rows = [HEADER, *(_row(*figure) for figure in figures(evaluation))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    sources = evaluation.sources.items()
    lines = [f"{name}: {len(source.images):,} images of {source.name}" for name, source in sources]
    lines += ["", *("  ".join(_aligned(row, widths)).rstrip() for row in rows)]
    if evaluation.overlap:
        lines += ["", f"overlap: {evaluation.overlap}"]
    lines += ["", *(f"{key}: {_sizes(key, evaluation)}" for key in evaluation.found)]
    lines += [f"left out: {key} needs {why}" for key, why in evaluation.left_out.items()]
    return "\n".join(lines)


def figures(evaluation: Evaluation) -> Iterator[tuple[Figure, Score, Score]]:
    """Every figure with its score and its floor."""
    for key, found in evaluation.found.items():
        yield from zip(METRICS[key].figures, found.scores, found.floors, strict=True)


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything that was measured and how."""
    plan = evaluation.plan
    measured: dict[str, Any] = {}
    for key, found in evaluation.found.items():
        scored = zip(METRICS[key].figures, found.scores, found.floors, strict=True)
        for figure, score, floor in scored:
            measured[figure.key] = {
                "title": figure.title,
                "better": figure.better,
                **asdict(score),
                "floor": asdict(floor),
                "samples": found.samples,
            }
    sources = {
        name: {"name": source.name, "digest": source.digest}
        for name, source in evaluation.sources.items()
    }
    overlap = evaluation.overlap
    from_weights = "samples" not in evaluation.sources
    served = {"truncation": plan.served_truncation, "noise": plan.served_noise}
    return {
        **sources,
        "overlap": overlap and {"copies": overlap.copies, "of": overlap.count},
        "truncation": plan.truncation if from_weights else None,
        "served": served if SERVED.key in evaluation.found else None,
        "seed": plan.seed,
        "features": LITE0.name,
        "metrics": measured,
        "left_out": evaluation.left_out,
    }


def for_card(measured: dict[str, Any]) -> dict[str, Any]:
    """The figures for a model card: plain numbers under plain names, then how they were made."""
    card: dict[str, Any] = {}
    for key, figure in measured["metrics"].items():
        card[key] = figure["value"]
        card[f"{key}_floor"] = figure["floor"]["value"]
    return card | {"measured": measured}


def as_served(card: dict[str, Any], truncation: float, noise: Noise) -> tuple[dict[str, Any], str]:
    """The figures of a card without those as served if it is served in another way.

    Args:
        card: as `for_card` made it, or without figures.
        truncation: psi of the served model if a request has none.
        noise: of the served model by default.

    Returns:
        The card's figures, and why some were left out; nothing if none were.
    """
    measured = card.get("measured", {}).get("served")
    if not measured or measured == {"truncation": truncation, "noise": noise}:
        return card, ""
    keys = {figure.key for figure in SERVED.figures}
    kept = {key: value for key, value in card.items() if key.removesuffix("_floor") not in keys}
    metrics = card["measured"]["metrics"]
    kept["measured"] = card["measured"] | {
        "served": None,
        "metrics": {key: value for key, value in metrics.items() if key not in keys},
    }
    drop = " --drop-noise" if noise == "none" else ""
    return kept, (
        f"they were measured at truncation {measured['truncation']:g} and noise "
        f"{measured['noise']}; `anime-gan evaluate --record --served-truncation {truncation:g}"
        f"{drop}` measures what is served here"
    )


def _row(figure: Figure, score: Score, floor: Score) -> tuple[str, ...]:
    def show(value: float) -> str:
        return f"{value:.{figure.decimals}f}"

    interval = ""
    if score.low is not None and score.high is not None:
        interval = f"{show(score.low)} to {show(score.high)}"
    return (figure.title, show(score.value), interval, show(floor.value), figure.better)


def _aligned(row: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    """Words to the left, numbers to the right."""
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if column in (0, len(HEADER) - 1) else cell.rjust(width)


def _sizes(key: str, evaluation: Evaluation) -> str:
    return ", ".join(f"{count} {name}" for name, count in evaluation.found[key].samples.items())
