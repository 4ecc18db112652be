"""BentoML: adaptive batching in each worker. Its batched answers are JSON: base64 carries PNGs."""

import base64

import bentoml

from benchmarks.inference import MAX_BATCH, Generator
from benchmarks.machine import CORES

# Calls that are expected to take longer are refused; none shall be.
MAX_LATENCY_MS = 10_000


@bentoml.service(workers=CORES, traffic={"timeout": 60}, metrics={"enabled": False})
class GeneratorService:
    def __init__(self) -> None:
        self.generator = Generator.from_environment()

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=MAX_LATENCY_MS)
    def generate(self, seeds: list[int]) -> list[str]:
        return [base64.b64encode(png).decode() for png in self.generator.pngs(seeds)]
