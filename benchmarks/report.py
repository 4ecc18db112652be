"""Measurements to the cases of a results file."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from benchmarks.in_process import WAYS
from benchmarks.load import CASES, Case, Measurement

IN_PROCESS = "in_process"
IN_PROCESS_NO_PNG = "in_process_without_png"
PERCENTILES = (50, 95, 99)


@dataclass
class Results:
    """What all rounds of our server and its peers came to, in the order of the rounds."""

    ours: str
    peers: Sequence[str]
    speed: defaultdict[tuple[Case, str], list[Measurement]] = field(
        default_factory=lambda: defaultdict(list)
    )
    memory_mb: defaultdict[str, list[dict[str, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )


def report(results: Results) -> list[dict[str, Any]]:
    """The `cases` of the results file: one per case of load, and one for memory."""
    return [*(_speed(case, results) for case in CASES), _memory(results)]


def summary(rounds: Sequence[Measurement]) -> dict[str, float]:
    """Medians of the rounds with their smallest and largest value; latencies in milliseconds."""
    numbers = {"images_per_s": [_rate(measurement) for measurement in rounds]}
    for percentile in PERCENTILES:
        numbers[f"p{percentile}_ms"] = [
            1000 * float(np.percentile(measurement.latencies_s, percentile))
            for measurement in rounds
        ]
    numbers["client_cpu_ms_per_call"] = [
        1000 * measurement.client_cpu_s / len(measurement.latencies_s) for measurement in rounds
    ]
    summarised = {}
    for name, values in numbers.items():
        for suffix, value in (("", median(values)), ("_min", min(values)), ("_max", max(values))):
            summarised[name + suffix] = round(value, 3)
    return summarised | {"calls": sum(len(measurement.latencies_s) for measurement in rounds)}


def _speed(case: Case, results: Results) -> dict[str, Any]:
    """Our numbers, then everybody else's, then ratios: medians of the rounds' own ratios."""
    rounds = {name: found for (of, name), found in results.speed.items() if of == case}
    ours = rounds[results.ours]
    best_peer = max(results.peers, key=lambda name: _typical_rate(rounds[name]))
    limits = {
        name: max((f"{name}/{way}" for way in WAYS), key=lambda key: _typical_rate(rounds[key]))
        for name in (IN_PROCESS, IN_PROCESS_NO_PNG)
    }
    return {
        "case": case.name,
        **summary(ours),
        "peers": {name: summary(rounds[name]) for name in results.peers},
        **{
            name: {"way": key.rpartition("/")[2], **summary(rounds[key])}
            for name, key in limits.items()
        },
        **{f"ratio_to_{name}": _ratio(ours, rounds[key]) for name, key in limits.items()},
        "best_peer": best_peer,
        "ratio_to_best_peer": _ratio(ours, rounds[best_peer]),
    }


def _memory(results: Results) -> dict[str, Any]:
    """Resident memory after the load, in MiB: medians of the rounds."""
    typical = {
        name: {part: round(median(each[part] for each in rounds), 1) for part in rounds[0]}
        for name, rounds in results.memory_mb.items()
    }
    return {
        "case": "memory",
        **{f"{part}_mb": value for part, value in typical[results.ours].items()},
        "peers": {name: typical[name] for name in results.peers},
    }


def _rate(measurement: Measurement) -> float:
    return measurement.images / measurement.wall_s


def _typical_rate(rounds: Sequence[Measurement]) -> float:
    return median(_rate(measurement) for measurement in rounds)


def _ratio(ours: Sequence[Measurement], others: Sequence[Measurement]) -> float:
    pairs = zip(ours, others, strict=True)
    return round(median(_rate(mine) / _rate(other) for mine, other in pairs), 3)
