"""`make bench-generator`: our service beside its peers and beside ONNX Runtime without a server.

In every round each contestant in turn is started, warmed up, put through all cases and stopped;
the next round begins with another one. Nothing else of the comparison runs meanwhile.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import uvloop

from benchmarks import in_process
from benchmarks.contestants import OURS, PEERS
from benchmarks.environment import describe
from benchmarks.inference import Generator, onnx_file
from benchmarks.load import CASES, Case, Measurement, measure
from benchmarks.machine import PROJECT
from benchmarks.report import IN_PROCESS, IN_PROCESS_NO_PNG, Results, report
from benchmarks.servers import Ours, Peer
from deploy.local.console import say

RESULTS = PROJECT / "benchmarks" / "results" / "generator.json"
QUICK_RESULTS = PROJECT / "out" / "bench-generator-quick.json"
PROBE_SEEDS = [0, 1, 2, 2**64 - 1]


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    warmup_s: float
    seconds: float


FULL = Plan(rounds=5, warmup_s=0.5, seconds=2.5)
QUICK = Plan(rounds=1, warmup_s=0.2, seconds=0.5)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=PROJECT / "models", help="model repository")
    parser.add_argument("--out", type=Path, help=f"default: {RESULTS.relative_to(PROJECT)}")
    parser.add_argument(
        "--quick", action="store_true", help="see that all runs; numbers mean nothing"
    )
    arguments = parser.parse_args(argv)
    plan = QUICK if arguments.quick else FULL
    out: Path = arguments.out or (QUICK_RESULTS if arguments.quick else RESULTS)
    environment = describe(onnx_file(arguments.models), plan, [OURS, *PEERS])
    results = run(arguments.models, plan)
    document = {"environment": environment, "cases": report(results)}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n")
    say(f"wrote {out}")
    return 0


def run(models: Path, plan: Plan) -> Results:
    """All rounds of all contestants."""
    results = Results(OURS.name, [peer.name for peer in PEERS])
    contestants: list[Ours | Peer | None] = [None, OURS, *PEERS]  # None: without a server
    for number in range(plan.rounds):
        first = number % len(contestants)
        for server in contestants[first:] + contestants[:first]:
            say(f"round {number + 1} of {plan.rounds}: {server.name if server else IN_PROCESS}")
            if server is None:
                _run_in_process(onnx_file(models), plan, results)
            else:
                _run_server(server, models, plan, results)
    return results


def _run_server(server: Ours | Peer, models: Path, plan: Plan, results: Results) -> None:
    expected = Generator(onnx_file(models), threads=1).pngs(PROBE_SEEDS)

    async def all_cases(target: str) -> dict[Case, Measurement]:
        async with server.caller(target) as call:
            if list(await call(PROBE_SEEDS)) != expected:
                raise RuntimeError(f"{server.name} makes other pictures than ONNX Runtime")
            return {
                case: await measure(call, case, warmup_s=plan.warmup_s, seconds=plan.seconds)
                for case in CASES
            }

    with (
        tempfile.TemporaryDirectory(prefix="anime-gan-bench-") as folder,
        server.start(models, Path(folder)) as running,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
    ):
        for case, measurement in loop.run(all_cases(running.target)).items():
            results.speed[case, server.name].append(measurement)
        results.memory_mb[server.name].append(running.memory_mb())


def _run_in_process(onnx: Path, plan: Plan, results: Results) -> None:
    # A process of its own: its threads and its memory end with it.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        for case in CASES:
            ways = process.submit(
                in_process.run_case,
                onnx,
                case,
                warmup_s=plan.warmup_s / 2,
                seconds=plan.seconds / 2,
            ).result()
            for (way, with_png), measurement in ways.items():
                name = IN_PROCESS if with_png else IN_PROCESS_NO_PNG
                results.speed[case, f"{name}/{way}"].append(measurement)


if __name__ == "__main__":
    sys.exit(main())
