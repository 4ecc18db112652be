"""`python -m benchmarks.doors`: which modules of `services` a call passes on its way.

Each service runs as its operator starts it, with a Triton of its own, here in a process that sees
every function of `services` begin. A first call of the kind warms what is made once; of the second
one the modules are noted, in the order of first entry. Those that only define constants are no
doors: nothing of them runs in a call.
"""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any

import grpc
import numpy as np
from animegan.generator.v1 import generator_pb2, generator_pb2_grpc
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2, similarity_pb2_grpc
from animegan.upscaler.v1 import upscaler_pb2, upscaler_pb2_grpc
from PIL import Image

from animegan_search.ssim.definition import UNIFORM7
from benchmarks.machine import PROJECT
from deploy.local.processes import free_ports
from deploy.local.triton import LocalTriton
from training.datasets.store import Dataset, DatasetWriter, Header
from training.index.building import build

MODELS = ("stylegan", "ssim_search", "ssim_index", "upscale_compact_2x")
INDEX = "doors"
_SIDE = 64
_READY_S = 60.0
_CALM_S = 0.5  # what begins with a service, such as its first canary, is over
_NEVER = "1000"  # seconds: no second canary, whose modules would be noted as well


def picture() -> image_pb2.Image:
    """A PNG of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return image_pb2.Image(data=file.getvalue())


# By service: how it is asked, what, and the flag that says what that means.
CALLS: Mapping[str, tuple[Callable[[grpc.Channel], Any], Any, str]] = {
    "generator": (
        lambda channel: generator_pb2_grpc.GeneratorServiceStub(channel).Generate,
        generator_pb2.GenerateRequest(seeds=[1, 2]),
        "--default-model=stylegan",
    ),
    "similarity": (
        lambda channel: similarity_pb2_grpc.SimilarityServiceStub(channel).Search,
        similarity_pb2.SearchRequest(query=similarity_pb2.SearchQuery(image=picture(), k=2)),
        f"--default-index={INDEX}",
    ),
    "upscaler": (
        lambda channel: upscaler_pb2_grpc.UpscalerServiceStub(channel).Upscale,
        upscaler_pb2.UpscaleRequest(image=picture()),
        "--default-method=compact",
    ),
}


def doors(service: str, triton_url: str) -> list[str]:
    """The modules that a call of `service` passes. Needs a process of its own, and ends it soon."""
    method, request, flag = CALLS[service]
    port, metrics_port = free_ports(2)
    sys.argv = [service, flag, f"--port={port}", f"--metrics-port={metrics_port}"]
    sys.argv += [f"--triton-url={triton_url}", "--log-level=error", "--drain-wait-s=0"]
    sys.argv += [f"--canary-interval-s={_NEVER}", f"--canary-patience-s={_NEVER}"]
    passed: dict[str, None] = {}
    noting, done = threading.Event(), threading.Event()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and noting.is_set():
            module = frame.f_globals.get("__name__", "")
            if module.startswith("services."):
                passed.setdefault(module)

    def ask() -> None:
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = partial(method(channel), request)
                call(wait_for_ready=True, timeout=_READY_S)
                time.sleep(_CALM_S)
                noting.set()
                call(timeout=_READY_S)
                time.sleep(_CALM_S)  # the end of a call comes after its answer
                done.set()
        finally:
            noting.clear()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.setprofile(note)
    sys.setprofile(note)
    caller = threading.Thread(target=ask)
    caller.start()
    import_module(f"services.{service}.__main__").main()
    sys.setprofile(None)
    caller.join()
    if not done.is_set():
        raise RuntimeError(f"the call of {service} failed")
    return list(passed)


def write_index(folder: Path) -> Path:
    """An index of a few images of noise; returns the folder that Triton finds it in."""
    header = Header(INDEX, _SIDE, 3, 8, "CC0-1.0", {"kind": "noise", "name": INDEX})
    images = np.random.default_rng(1).integers(0, 256, (8, _SIDE, _SIDE, 3), np.uint8)
    writer = DatasetWriter(folder / "dataset", header)
    writer.write_shard(0, images, [{"id": row} for row in range(len(images))])
    writer.finish()
    build(folder / "indexes" / INDEX, Dataset.open(folder / "dataset"), UNIFORM7)
    return folder / "indexes"


def all_doors() -> Iterator[tuple[str, list[str]]]:
    """Each service with the modules that a call of it passes."""
    own_process: Any = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in MODELS:
            shutil.copytree(PROJECT / "models" / model, folder / "models" / model)
        indexes = write_index(folder)
        log = folder / "triton.log"
        with LocalTriton(folder / "models", indexes=indexes, log=log) as triton:
            for service in CALLS:
                with own_process.Pool(1, maxtasksperchild=1) as pool:
                    yield service, pool.apply(doors, (service, triton.http_url))


def main() -> None:
    """Print the doors of a call of each service."""
    for service, passed in all_doors():
        print(f"{service}: {len(passed)} modules")
        print(*(f"  {module.removeprefix('services.')}" for module in passed), sep="\n")


if __name__ == "__main__":
    main()
