"""`make bench-similarity`: milliseconds a query for the exact scan, beside packages for SSIM.

Every round times every case once, and every peer over a few references, whose time is scaled to
the case's number of references: they compare pairs, so their cost is linear in it. Ratios are
medians of the rounds' own ratios. Pictures are blurred noise: no scan looks at what it compares, so
the time does not depend on it. Errors are the largest difference to scikit-image over the peers'
references.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from animegan_search.ssim.definition import DEFINITIONS, Definition
from animegan_search.ssim.engine import Engine
from animegan_search.ssim.tiles import pack
from benchmarks.machine import CORES, PROJECT, machine
from benchmarks.machine_limits import float32_gflops, memory_gbytes
from benchmarks.peers.ssim_packages import PEERS, Array, Peer

RESULTS = PROJECT / "benchmarks" / "results" / "similarity.json"
QUICK_RESULTS = PROJECT / "out" / "bench-similarity-quick.json"
PACKAGES = ("numpy", "scikit-image", "fast-ssim", "torch", "torchmetrics", "pytorch-msssim", "piq")
K = 4
# A peer that is further off computes something else and is no yardstick.
SAME_DEFINITION = 1e-3
COLOURS = {1: "gray", 3: "rgb"}


@dataclass(frozen=True)
class Case:
    """One size of the work."""

    definition: str
    channels: int
    size: int
    references: int
    queries: int

    @property
    def name(self) -> str:
        picture = f"{COLOURS[self.channels]}{self.size}"
        return f"{self.definition}_{picture}_n{self.references}_q{self.queries}"


@dataclass(frozen=True)
class Plan:
    """How much to measure."""

    rounds: int
    peer_references: int
    cases: tuple[Case, ...]


def full_cases() -> tuple[Case, ...]:
    """What the users ask for, then growth with N, with the image's size, and grey."""
    names = tuple(DEFINITIONS)
    main = [
        Case(name, 3, 64, count, queries)
        for name in names
        for count in (20_000, 63_632)
        for queries in (1, 25, 64)
    ]
    by_count = [Case(name, 3, 64, count, 25) for name in names for count in (1_000, 5_000)]
    by_size = [
        Case(name, 3, size, 20_000 * 64**2 // size**2, 25)
        for name in names
        for size in (32, 128, 256)
    ]
    gray = [Case(name, 1, 64, 20_000, 25) for name in names]
    return (*main, *by_count, *by_size, *gray)


FULL = Plan(rounds=3, peer_references=128, cases=full_cases())
QUICK = Plan(1, 8, tuple(Case(name, 3, 64, 1_000, q) for name in DEFINITIONS for q in (1, 25)))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help=f"default: {RESULTS.relative_to(PROJECT)}")
    parser.add_argument(
        "--quick", action="store_true", help="see that all runs; numbers mean nothing"
    )
    arguments = parser.parse_args(argv)
    out: Path = arguments.out or (QUICK_RESULTS if arguments.quick else RESULTS)
    document = measure(QUICK if arguments.quick else FULL)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n")
    sys.stdout.write(f"wrote {out}\n")
    return 0


def measure(plan: Plan) -> dict[str, Any]:
    """The results file."""
    torch.set_num_threads(CORES)
    limits = {"float32_gflop_per_s": float32_gflops(), "memory_gb_per_s": memory_gbytes()}
    cases = []
    for shape in dict.fromkeys((case.definition, case.channels, case.size) for case in plan.cases):
        alike = [c for c in plan.cases if (c.definition, c.channels, c.size) == shape]
        cases += _measure_alike(alike, plan, limits)
    return {
        "environment": {
            **machine(),
            "gpu": None,
            "versions": {package: version(package) for package in PACKAGES},
            "limits": limits,
            "plan": {"rounds": plan.rounds, "peer_references": plan.peer_references, "k": K},
        },
        "cases": cases,
    }


def _measure_alike(cases: Sequence[Case], plan: Plan, limits: dict[str, float]) -> list[Any]:
    """All cases of one definition and one kind of picture, in rounds with their peers."""
    first = cases[0]
    definition = DEFINITIONS[first.definition]
    most = max(case.references for case in cases)
    references = blurred_noise(most, first.size, first.channels)
    queries = blurred_noise(max(case.queries for case in cases), first.size, first.channels, 1)
    tiles = pack(references)
    engines = {
        count: Engine(tiles[: -(-count // 16)], count, definition)
        for count in {case.references for case in cases}
    }
    peers = [peer for peer in PEERS if peer.definition == first.definition]
    some = references[: plan.peer_references]
    expected = _timed(peers[0], queries[0], some)[1]
    seconds = defaultdict(list)
    errors: dict[str, float] = {}
    for number in range(-1, plan.rounds):  # the first round warms up
        for case in cases:
            begin = perf_counter()
            engines[case.references].search(queries[: case.queries], K)
            seconds[case.name].append((perf_counter() - begin) / case.queries)
        for peer in peers:
            taken, scores = _timed(peer, queries[0], some)
            seconds[peer.name].append(taken / len(some))
            errors[peer.name] = float(np.abs(scores - expected).max())
        if number < 0:
            seconds.clear()
    ours = engines[most].scores(queries[:1])[0, : len(some)]
    errors["anime-gan"] = float(np.abs(ours - expected).max())
    backend = engines[most].backend_name
    return [
        _case(case, definition, seconds, errors, limits) | {"backend": backend} for case in cases
    ]


def _timed(peer: Peer, query: Array, references: Array) -> tuple[float, Array]:
    prepared = peer.prepare(references)
    begin = perf_counter()
    scores = peer.score(query, prepared)
    return perf_counter() - begin, scores


def _case(
    case: Case,
    definition: Definition,
    seconds: dict[str, list[float]],
    errors: dict[str, float],
    limits: dict[str, float],
) -> dict[str, Any]:
    ours = seconds[case.name]
    peers = {
        peer.name: [case.references * each for each in seconds[peer.name]]
        for peer in PEERS
        if peer.definition == case.definition
    }
    rivals = {name: taken for name, taken in peers.items() if errors[name] < SAME_DEFINITION}
    others = {name: taken for name, taken in rivals.items() if name != "scikit-image"} or rivals
    best = min(others, key=lambda name: median(others[name]))
    gflops = operations(case, definition) / 1e9 / case.queries / median(ours)
    gbytes = case.references * case.size**2 * case.channels / 1e9 / case.queries / median(ours)
    return {
        "case": case.name,
        **asdict(case),
        **_milliseconds(ours),
        "peers": {
            name: _milliseconds(taken) | {"max_abs_error": errors[name]}
            for name, taken in peers.items()
        },
        "ratio_to_skimage": _ratio(peers["scikit-image"], ours),
        "best_peer": best,
        "ratio_to_best_peer": _ratio(peers[best], ours),
        "max_abs_error": errors["anime-gan"],
        "gflop_per_s": gflops,
        "gb_per_s": gbytes,
        "share_of_limit": gflops / limits["float32_gflop_per_s"],
        "share_of_memory_limit": gbytes / limits["memory_gb_per_s"],
    }


def operations(case: Case, definition: Definition) -> float:
    """Floating-point operations of all queries of a case; a division counts as one.

    For each value of an image, counted in uniform.h and gaussian.h of animegan_kernels/search: what
    belongs to the references alone, once a pass, and what belongs to a query. Windows are counted
    as if there were one for each value; the Gaussian's six results share the steps and products of
    sixteen.
    """
    for_references, for_query = (23, 21) if definition.sigma is None else (78, 53)
    values = case.references * case.channels * case.size**2
    return float(values * (for_references + for_query * case.queries))


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    milliseconds = [1000 * each for each in seconds]
    return {
        "ms_per_query": median(milliseconds),
        "ms_per_query_min": min(milliseconds),
        "ms_per_query_max": max(milliseconds),
    }


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    return median(their / our for their, our in zip(theirs, ours, strict=True))


def blurred_noise(count: int, size: int, channels: int, seed: int = 0) -> Array:
    """Soft random pictures, uint8 [N, H, W, C]."""
    random = np.random.default_rng(seed)
    images = np.empty((count, size, size, channels), np.uint8)
    for part in np.array_split(images, -(-count // 1000)):
        coarse = random.integers(0, 256, (len(part), size // 4, size // 4, channels), np.uint8)
        large = coarse.repeat(4, axis=1).repeat(4, axis=2)
        part[:] = large // 2 + np.roll(large, (2, 2), axis=(1, 2)) // 2
    return images


if __name__ == "__main__":
    sys.exit(main())
