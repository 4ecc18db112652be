"""Prints the results of `benchmarks.training` as the table that docs/benchmarks.md shows.

python -m benchmarks.training_table [results file]   prints it
python -m benchmarks.training_table --docs           puts it into docs/benchmarks.md
"""

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import PROJECT
from benchmarks.table import show
from training.markdown import table

RESULTS = PROJECT / "benchmarks" / "results" / "training.json"
COLUMNS = (
    "images/s: median (min-max)",
    "precision",
    "GFLOP an image",
    "parameters, G + D",
    "share of peak",
    "loader / training",
)

Case = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    return show(__doc__, "training", RESULTS, render, argv)


def render(document: dict[str, Any]) -> str:
    """The results file as Markdown."""
    environment, cases = document["environment"], {c["case"]: c for c in document["cases"]}
    plan, peak = environment["plan"], cases["peak"]["flop_per_s"]
    conditions = (
        f"{environment['date'][:10]}, commit {environment['commit']}, "
        f"{environment['gpu'] or environment['cpu']}, {environment['cores']} cores, torch "
        f"{environment['torch']}. {plan['rounds']} rounds. Peak: {peak['fp32'] / 1e9:.0f} GFLOP/s "
        f"in fp32, {peak['bf16'] / 1e9:.0f} in bf16. The loader alone: "
        f"{cases['loader']['images_per_s']:,.0f} images/s.\n"
    )
    presets = [case for case in cases.values() if "loader_ratio" in case]
    return "\n".join([conditions, table("preset", COLUMNS, _rows(presets)), *_ratios(presets)])


def _rows(presets: Sequence[Case]) -> list[tuple[str, list[str]]]:
    rows = []
    for case in presets:
        rows.append((f"**{case['case']}**", _cells(case)))
        if "in_fp32" in case:
            rows.append((f"{case['case']}, in fp32", _cells(case["in_fp32"])))
            rows += [(name, _cells(peer)) for name, peer in case["peers"].items()]
    return rows


def _cells(case: Case) -> list[str]:
    rate = "{images_per_s:.1f} ({images_per_s_min:.1f}-{images_per_s_max:.1f})".format(**case)
    parameters = case["parameters"]
    return [
        rate,
        case["precision"],
        f"{case['flops_per_image'] / 1e9:.2f}",
        f"{parameters['generator'] / 1e6:.2f} M + {parameters['discriminator'] / 1e6:.2f} M",
        f"{case['share_of_peak']:.0%}",
        f"{case['loader_ratio']:.0f}" if "loader_ratio" in case else "",
    ]


def _ratios(presets: Sequence[Case]) -> list[str]:
    return [
        f"In fp32, {case['case']} takes {case['ratio_to_best_peer']:.2f} times as many images a "
        f"second as {case['best_peer']}, and does {case['ratio_to_best_peer_in_flops']:.2f} times "
        "as many operations a second (medians of the rounds' ratios).\n"
        for case in presets
        if "ratio_to_best_peer" in case
    ]


if __name__ == "__main__":
    sys.exit(main())
