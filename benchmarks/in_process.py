"""The limit: ONNX Runtime called directly on all cores, without any server.

A case with k callers of n pictures becomes a loop over batches of k * n. Two ways to use the cores
are measured, and the faster one counts:

    one_session        one session spreads each operator over all cores, ONNX Runtime's default
    session_per_core   one session of one thread per core, each with its share of the batch
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.inference import Generator
from benchmarks.load import Case, Measurement
from benchmarks.machine import CORES
from services.common.pictures.png import encode_png

Work = Callable[[Sequence[int]], object]


def run_case(
    onnx: Path, case: Case, *, warmup_s: float, seconds: float
) -> dict[tuple[str, bool], Measurement]:
    """Measure one case in every way: {(way, PNG files included): measurement}."""
    batch = case.callers * case.images_per_call
    with ThreadPoolExecutor(CORES) as threads:
        return {
            (way, with_png): _measure(work, batch, warmup_s, seconds)
            for way, make in WAYS.items()
            for with_png, work in zip((False, True), make(onnx, threads), strict=True)
        }


def shares(seeds: Sequence[int], parts: int) -> list[Sequence[int]]:
    """The seeds in at most `parts` parts of about the same size, none of them empty."""
    return [seeds[part::parts] for part in range(min(parts, len(seeds)))]


def _one_session(onnx: Path, threads: ThreadPoolExecutor) -> tuple[Work, Work]:
    generator = Generator(onnx, threads=CORES)
    return generator.images, lambda seeds: list(threads.map(encode_png, generator.images(seeds)))


def _per_core(onnx: Path, threads: ThreadPoolExecutor) -> tuple[Work, Work]:
    generators = [Generator(onnx, threads=1) for _ in range(CORES)]

    def shared(method: Callable[[Generator, Sequence[int]], object]) -> Work:
        def work(seeds: Sequence[int]) -> object:
            return list(threads.map(method, generators, shares(seeds, CORES)))

        return work

    return shared(Generator.images), shared(Generator.pngs)


WAYS = {"one_session": _one_session, "session_per_core": _per_core}


def _measure(work: Work, batch: int, warmup_s: float, seconds: float) -> Measurement:
    seeds = itertools.count(1)
    _loop(work, batch, seeds, warmup_s)
    started, cpu_started = perf_counter(), process_time()
    latencies_s = _loop(work, batch, seeds, seconds)
    return Measurement(
        images=len(latencies_s) * batch,
        wall_s=perf_counter() - started,
        latencies_s=latencies_s,
        client_cpu_s=process_time() - cpu_started,
    )


def _loop(work: Work, batch: int, seeds: Iterator[int], seconds: float) -> list[float]:
    latencies_s = []
    deadline = perf_counter() + seconds
    while (started := perf_counter()) < deadline:
        work(list(itertools.islice(seeds, batch)))
        latencies_s.append(perf_counter() - started)
    return latencies_s
