"""The pictures that upscalers get, how fast they come back, and how near to the truth."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np
import onnxruntime

from animegan_kernels.convolution.session import accelerated
from benchmarks.machine import CORES
from benchmarks.peers.upscalers import PEERS, SCALE, Array, Enlarge
from training.datasets.procedural import render
from training.upscaling.quality import downscale, psnr

FIRST_SEED = 1_000_000  # held out from everything that was trained
LARGEST = 512  # that the renderer draws
PICTURES = {64: 8, 256: 4, 1024: 1}  # side in pixels -> how many PSNR is the mean of
WAYS = ("one call on all cores", "a call per core")
# A second call would need twice the memory, gigabytes.
ONE_AT_A_TIME = 1024


@dataclass(frozen=True)
class Speed:
    """What came of calling for a while."""

    megapixels: float  # of output
    seconds: float

    @property
    def rate(self) -> float:
        """Output megapixels a second."""
        return self.megapixels / self.seconds


@cache
def pairs(side: int) -> list[tuple[Array, Array]]:
    """Small pictures of `side` pixels, made by Lanczos' filter, and their truths."""
    large = SCALE * side
    tiles = max(1, large // LARGEST)
    truths = []
    for number in range(PICTURES[side]):
        seed = FIRST_SEED + number
        rows = [
            np.concatenate(
                [render(seed + row * tiles + column, large // tiles) for column in range(tiles)], 1
            )
            for row in range(tiles)
        ]
        truths.append(np.ascontiguousarray(np.concatenate(rows)))
    return [(downscale(truth, "lanczos"), truth) for truth in truths]


def speed(enlarge: Enlarge, side: int, callers: int, seconds: float) -> Speed:
    """Let callers enlarge one picture again and again: once to warm up, then for `seconds`.

    Each begins as many calls as fit, and at least one; all of them are waited for and count.
    """
    picture = pairs(side)[0][0]

    def call(end: float) -> int:
        calls = 0
        while perf_counter() < end:
            enlarge(picture)
            calls += 1
        return calls

    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(enlarge, [picture] * callers))
        begin = perf_counter()
        calls = sum(threads.map(call, [begin + seconds] * callers))
        return Speed(calls * _megapixels(picture), perf_counter() - begin)


def quality(enlarge: Enlarge, side: int) -> float:
    """Mean PSNR in dB."""
    return float(np.mean([psnr(enlarge(small), truth) for small, truth in pairs(side)]))


def run_peer(number: int, seconds: float, sides: Sequence[int]) -> dict[int, Speed]:
    """Time one of `PEERS`, by its number; for a process of its own."""
    enlarge = PEERS[number].make()
    return {side: speed(enlarge, side, 1, seconds) for side in sides}


def judge_peer(number: int, sides: Sequence[int]) -> dict[int, float]:
    """PSNR of one of `PEERS`."""
    enlarge = PEERS[number].make()
    return {side: quality(enlarge, side) for side in sides}


def run_in_process(
    onnx: Path, native: bool, seconds: float, sides: Sequence[int]
) -> dict[int, dict[str, Speed]]:
    """Time ONNX Runtime without a server, in both ways to use the cores.

    Args:
        onnx: a model.
        native: with the convolutions of `animegan_kernels/convolution`; or as everybody has it.
        seconds: to time each way with pictures of each size.
        sides: the sizes.
    """
    result: dict[int, dict[str, Speed]] = {side: {} for side in sides}
    for way, threads, callers in zip(WAYS, (CORES, 1), (1, CORES), strict=True):
        enlarge = onnxruntime_enlarge(onnx, threads, native)
        for side in sides:
            if callers == 1 or side < ONE_AT_A_TIME:
                result[side][way] = speed(enlarge, side, callers, seconds)
    return result


def onnxruntime_enlarge(onnx: Path, threads: int, native: bool) -> Enlarge:
    """The network on the whole picture."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    graph = onnx.read_bytes()
    graph = accelerated(graph, options) if native else graph
    session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    run: Callable[..., list[Array]] = session.run
    return lambda picture: run(None, {source.name: picture[None]})[0][0]


def _megapixels(picture: Array) -> float:
    height, width = picture.shape[:2]
    return float(SCALE**2 * height * width / 1e6)
