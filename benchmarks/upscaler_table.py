"""Prints benchmarks/results/upscaler.json as the tables of docs/benchmarks.md.

python -m benchmarks.upscaler_table [results file]  prints them
python -m benchmarks.upscaler_table --docs          puts them into docs/benchmarks.md
"""

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import PROJECT
from benchmarks.table import show
from training.markdown import table

RESULTS = PROJECT / "benchmarks" / "results" / "upscaler.json"


def main(argv: Sequence[str] | None = None) -> int:
    return show(__doc__, "upscaler", RESULTS, render, argv)


def render(document: dict[str, Any]) -> str:
    """The results file as Markdown."""
    return "\n".join([_conditions(document["environment"]), _speed(document), _ratios(document)])


def _conditions(environment: dict[str, Any]) -> str:
    plan = environment["plan"]
    return (
        f"{environment['date'][:10]}, commit {environment['commit']}, {environment['cpu']}, "
        f"{environment['cores']} cores. {plan['rounds']} rounds of {plan['seconds']:g} s, or one "
        "call where that takes longer.\n"
    )


def _speed(document: dict[str, Any]) -> str:
    """Who does how much, with which result."""
    sides = document["environment"]["plan"]["sides"]
    by_name = {case["case"]: case for case in document["cases"]}
    methods = list(document["environment"]["models"])
    rows = []
    for method in methods:
        cases = [by_name[f"{method}_2x_{side}"] for side in sides]
        cells = [_cell(case["mpix_per_s"], case["psnr_db"]) for case in cases]
        rows.append((f"**anime-gan: {method}**", [f"**{cell}**" for cell in cells]))
        limit = [f"{case['in_process_mpix_per_s']:.2f}" for case in cases]
        rows.append((f"ONNX Runtime in process: {method}", limit))
        limit = [f"{case['native_in_process_mpix_per_s']:.2f}" for case in cases]
        rows.append((f"the same with our convolutions: {method}", limit))
    firsts = [by_name[f"{methods[0]}_2x_{side}"]["peers"] for side in sides]
    for peer in firsts[0]:
        cells = [_cell(peers[peer]["mpix_per_s"], peers[peer]["psnr_db"]) for peers in firsts]
        rows.append((peer, cells))
    return table("output megapixels/s, dB", [f"{side}x{side}" for side in sides], rows)


def _ratios(document: dict[str, Any]) -> str:
    limit = document["environment"]["limits"]["float32_gflop_per_s"]
    rows = [
        (
            case["case"],
            [
                f"{case['ratio_to_in_process']:.2f}",
                f"{case['ratio_to_native_in_process']:.2f}",
                f"{case['mpix_per_s'] * case['gflop_per_mpix'] / limit:.2f}",
                f"{case['ratio_to_best_peer']:.2f}",
                case["best_peer"],
            ],
        )
        for case in document["cases"]
    ]
    columns = [
        "of in process",
        "with our convolutions",
        "of float32 multiplied out",
        "of the best peer",
        "which is",
    ]
    return table("case", columns, rows)


def _cell(rate: float, psnr_db: float) -> str:
    return f"{rate:.2f}, {psnr_db:.2f} dB"


if __name__ == "__main__":
    sys.exit(main())
