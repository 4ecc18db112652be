"""`make bench-training`: images per second of every preset, beside stylegan2-pytorch.

Every contestant of every round is a process of its own, and nothing else of the comparison runs
meanwhile. Presets that need a GPU are left out on a machine that has none.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.machine import CORES, PROJECT, machine
from deploy.local.console import say
from training.gan.presets import PRESETS

RESULTS = PROJECT / "benchmarks" / "results" / "training.json"
QUICK_RESULTS = PROJECT / "out" / "bench-training-quick.json"
PEER = "stylegan2-pytorch"
# The preset that the peer is sized like, and ours again at the precision that the peer has.
COMPARED, COMPARED_FP32 = "stylegan-64-cpu", "stylegan-64-cpu in fp32"
PEER_PYTHON = PROJECT / ".local" / "bench-training-venv" / "bin" / "python"
OURS = [sys.executable, "-m", "benchmarks.training_steps"]
THEIRS = [str(PEER_PYTHON), "-m", "benchmarks.peers.stylegan2_pytorch_steps"]

Found = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    cycles: int
    """Cycles of lazy regularisation that are timed, after one that is not."""


FULL, QUICK = Plan(rounds=3, cycles=2), Plan(rounds=1, cycles=1)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help=f"default: {RESULTS.relative_to(PROJECT)}")
    parser.add_argument("--preset", action="append", choices=sorted(PRESETS), help="only these")
    parser.add_argument(
        "--quick", action="store_true", help="see that all runs; numbers mean nothing"
    )
    arguments = parser.parse_args(argv)
    plan = QUICK if arguments.quick else FULL
    out: Path = arguments.out or (QUICK_RESULTS if arguments.quick else RESULTS)
    document = measure(arguments.preset or presets_for(torch.cuda.is_available()), plan)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n")
    say(f"wrote {out}")
    return 0


def presets_for(gpu: bool) -> list[str]:
    """The presets that this machine can run, without those that exist for the tests."""
    real = [name for name in PRESETS if not name.endswith("-tiny")]
    return [name for name in real if gpu or not name.endswith("-gpu")]


def measure(presets: Sequence[str], plan: Plan) -> Found:
    """All rounds of all contestants."""
    environment = {
        **machine(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "plan": asdict(plan),
    }
    commands = {
        "peak": [*OURS, "peak"],
        "loader": [*OURS, "loader"],
        **{name: [*OURS, name] for name in presets},
    }
    if COMPARED in presets:
        commands |= {COMPARED_FP32: [*OURS, COMPARED, "--precision", "fp32"], PEER: THEIRS}
    rounds: dict[str, list[Found]] = {name: [] for name in commands}
    for number in range(plan.rounds):
        for name, command in commands.items():
            say(f"round {number + 1} of {plan.rounds}: {name}")
            rounds[name].append(_run(command, plan))
    return {"environment": environment, "cases": report(presets, rounds)}


def report(presets: Sequence[str], rounds: dict[str, list[Found]]) -> list[Found]:
    """One case for each preset, one for the loader and one for the peak."""
    peak = {kind: max(found[kind] for found in rounds["peak"]) for kind in ("fp32", "bf16")}
    loader = _rates(rounds["loader"])
    cases = []
    for name in presets:
        case = _case(name, rounds[name], peak)
        case["loader_ratio"] = loader["images_per_s"] / case["images_per_s"]
        cases.append(case | (_beside_peer(rounds, peak) if name == COMPARED else {}))
    return [*cases, {"case": "loader", **loader}, {"case": "peak", "flop_per_s": peak}]


def _beside_peer(rounds: dict[str, list[Found]], peak: dict[str, float]) -> Found:
    """What the compared preset has besides: the peer, and how many times as fast we are."""
    pairs = zip(rounds[COMPARED_FP32], rounds[PEER], strict=True)
    ratios = [a["images_per_s"] / b["images_per_s"] for a, b in pairs]
    ours, peer = (_case(name, rounds[name], peak) for name in (COMPARED_FP32, PEER))
    return {
        "in_fp32": ours,
        "peers": {PEER: peer},
        "best_peer": PEER,
        "ratio_to_best_peer": median(ratios),
        "ratio_to_best_peer_in_flops": median(ratios)
        * (ours["flops_per_image"] / peer["flops_per_image"]),
    }


def _case(name: str, found: Sequence[Found], peak: dict[str, float]) -> Found:
    constant = {key: value for key, value in found[0].items() if key != "images_per_s"}
    rates = _rates(found)
    used = rates["images_per_s"] * constant["flops_per_image"]
    return {
        "case": name,
        **rates,
        **constant,
        "share_of_peak": used / peak[constant["precision"]],
    }


def _rates(found: Sequence[Found]) -> dict[str, float]:
    rates = [one["images_per_s"] for one in found]
    return {
        "images_per_s": median(rates),
        "images_per_s_min": min(rates),
        "images_per_s_max": max(rates),
    }


def _run(command: Sequence[str], plan: Plan) -> Found:
    options = ["--threads", str(CORES), "--cycles", str(plan.cycles)]
    result = subprocess.run(
        [*command, *options], cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True
    )
    found: Found = json.loads(result.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
