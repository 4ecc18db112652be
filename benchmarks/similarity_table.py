"""Prints benchmarks/results/similarity.json as the tables that docs/benchmarks.md shows.

python -m benchmarks.similarity_table [results file]   prints them
python -m benchmarks.similarity_table --docs           puts them into docs/benchmarks.md
"""

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.similarity import RESULTS
from benchmarks.table import Case, show
from training.markdown import table

COLUMNS = (
    "ms a query: median (min-max)",
    "/ scikit-image",
    "/ best peer",
    "GFLOP/s",
    "share of limit",
    "GB/s",
    "largest error",
)


def main(argv: Sequence[str] | None = None) -> int:
    return show(__doc__, "similarity", RESULTS, render, argv)


def render(document: dict[str, Any]) -> str:
    """The results file as Markdown."""
    cases = document["cases"]
    compared = {case["definition"]: case for case in reversed(cases) if case["queries"] == 1}
    return "\n".join(
        [
            _conditions(document["environment"], cases[0]["backend"]),
            table("case", COLUMNS, [(case["case"], _ours(case)) for case in cases]),
            *(_peers(compared[name]) for name in sorted(compared, reverse=True)),
        ]
    )


def _conditions(environment: dict[str, Any], backend: str) -> str:
    limits, plan = environment["limits"], environment["plan"]
    return (
        f"{environment['date'][:10]}, commit {environment['commit']}, {environment['cpu']}, "
        f"{environment['cores']} cores, back end {backend}. {plan['rounds']} rounds, peers over "
        f"{plan['peer_references']} references. Limits measured in the same run: "
        f"{limits['float32_gflop_per_s']:.0f} GFLOP/s, {limits['memory_gb_per_s']:.0f} GB/s.\n"
    )


def _ours(case: Case) -> list[str]:
    return [
        _milliseconds(case),
        f"{case['ratio_to_skimage']:.0f} x",
        f"{case['ratio_to_best_peer']:.0f} x ({case['best_peer']})",
        f"{case['gflop_per_s']:.0f}",
        f"{case['share_of_limit']:.0%}",
        f"{case['gb_per_s']:.1f}",
        f"{case['max_abs_error']:.0e}",
    ]


def _peers(case: Case) -> str:
    rows = [(name, peer) for name, peer in case["peers"].items()]
    rows.sort(key=lambda row: row[1]["ms_per_query"])
    return table(
        f"{case['definition']}, {case['references']:,} references",
        ("ms a query: median (min-max)", "largest error"),
        [
            ("**anime-gan**", [_milliseconds(case), f"{case['max_abs_error']:.0e}"]),
            *((name, [_milliseconds(peer), f"{peer['max_abs_error']:.0e}"]) for name, peer in rows),
        ],
    )


def _milliseconds(numbers: dict[str, float]) -> str:
    return "{ms_per_query:,.1f} ({ms_per_query_min:,.1f}-{ms_per_query_max:,.1f})".format(**numbers)


if __name__ == "__main__":
    sys.exit(main())
