"""Prints a results file as the tables that docs/benchmarks.md shows.

python -m benchmarks.table [results file]           prints them
python -m benchmarks.table --docs                   puts them into docs/benchmarks.md
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import PROJECT
from training.markdown import replace_tables, table

RESULTS = PROJECT / "benchmarks" / "results" / "generator.json"
DOCS = PROJECT / "docs" / "benchmarks.md"

Case = dict[str, Any]

NAMES = {"litserve": "LitServe", "bentoml": "BentoML", "fastapi": "FastAPI + onnxruntime"}
COLUMNS = {
    "callers_1": "1 caller",
    "callers_4": "4 callers",
    "callers_16": "16 callers",
    "callers_64": "64 callers",
    "call_of_64": "call of 64",
}


def main(argv: Sequence[str] | None = None) -> int:
    return show(__doc__, "generator", RESULTS, render, argv)


def show(
    description: str | None,
    name: str,
    results: Path,
    render: Callable[[dict[str, Any]], str],
    argv: Sequence[str] | None,
) -> int:
    """Print a results file as `render` has it, or put it between the markers of `name`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=results)
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args(argv)
    text = render(json.loads(arguments.results.read_text()))
    if arguments.docs:
        DOCS.write_text(replace_tables(DOCS.read_text(), name, text))
    else:
        sys.stdout.write(text)
    return 0


def render(document: dict[str, Any]) -> str:
    """The results file as Markdown."""
    cases = {case["case"]: case for case in document["cases"]}
    return "\n".join(
        [
            _conditions(document["environment"]),
            _throughput([cases[name] for name in COLUMNS]),
            _latency([cases[name] for name in COLUMNS]),
            _memory(cases["memory"]),
        ]
    )


def _conditions(environment: dict[str, Any]) -> str:
    plan, model = environment["plan"], environment["model"]
    return (
        f"{environment['date'][:10]}, commit {environment['commit']}, {environment['cpu']}, "
        f"{environment['cores']} cores, model {model['name']} v{model['version']} at "
        f"{model['resolution']}x{model['resolution']}. {plan['rounds']} rounds of "
        f"{plan['seconds']:g} s per case after {plan['warmup_s']:g} s of warm-up.\n"
    )


def _throughput(cases: Sequence[Case]) -> str:
    def rate(numbers: dict[str, float]) -> str:
        return "{images_per_s:.0f} ({images_per_s_min:.0f}-{images_per_s_max:.0f})".format(
            **numbers
        )

    return table(
        "images/s: median (min-max)",
        COLUMNS.values(),
        [
            *_contestants(cases, rate),
            ("ONNX Runtime in process, with PNG", [rate(case["in_process"]) for case in cases]),
            (
                "ONNX Runtime in process, without PNG",
                [rate(case["in_process_without_png"]) for case in cases],
            ),
            (
                "anime-gan / in process with PNG",
                [f"{case['ratio_to_in_process']:.2f}" for case in cases],
            ),
            (
                "anime-gan / best peer",
                [
                    f"{case['ratio_to_best_peer']:.2f} ({NAMES[case['best_peer']]})"
                    for case in cases
                ],
            ),
        ],
    )


def _latency(cases: Sequence[Case]) -> str:
    def percentiles(numbers: dict[str, float]) -> str:
        return "{p50_ms:.1f} / {p95_ms:.1f} / {p99_ms:.1f}".format(**numbers)

    return table("ms per call: p50 / p95 / p99", COLUMNS.values(), _contestants(cases, percentiles))


def _memory(case: Case) -> str:
    ours = [
        ("generator service", [f"{case['generator_mb']:.0f}"]),
        ("Triton with all default models", [f"{case['triton_mb']:.0f}"]),
        ("supervisor", [f"{case['supervisor_mb']:.0f}"]),
    ]
    peers = [(NAMES[name], [f"{peer['all']:.0f}"]) for name, peer in case["peers"].items()]
    return table("resident memory after the load", ["MiB"], [*ours, *peers])


def _contestants(
    cases: Sequence[Case], cell: Callable[[dict[str, float]], str]
) -> list[tuple[str, list[str]]]:
    rows = [("**anime-gan**", [f"**{cell(case)}**" for case in cases])]
    rows += [(name, [cell(case["peers"][key]) for case in cases]) for key, name in NAMES.items()]
    return rows


if __name__ == "__main__":
    sys.exit(main())
