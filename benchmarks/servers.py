"""How the servers that are compared are started, stopped and weighed."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from benchmarks.callers import Caller, by_grpc
from benchmarks.inference import MODEL_VARIABLE, THREADS_VARIABLE, onnx_file
from deploy.local import processes
from deploy.local.stack import Stack
from deploy.local.state import StackSettings

START_SECONDS = 90.0
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Running:
    """A server that answers at `target`; `memory_mb` weighs its parts, in MiB.

    Memory is resident, with pages that processes share counted once (proportional set size).
    """

    target: str
    memory_mb: Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Ours:
    """Triton and the generator service, as `make up` starts them."""

    name: str = "anime-gan"
    configuration: str = "as `make up` starts it: Triton with the repository's config.pbtxt"
    caller: Caller = by_grpc

    @contextmanager
    def start(self, models: Path, folder: Path) -> Iterator[Running]:
        """Serve all models of the repository `models` for the length of a block."""
        settings = StackSettings(models).on_free_ports()
        stack = Stack(folder / "stack")
        try:
            stack.up(settings)
            yield Running(
                f"127.0.0.1:{settings.generator_port}",
                lambda: {part.name: part.memory_mb for part in stack.status()},
            )
        finally:
            stack.down()


@dataclass(frozen=True)
class Peer:
    """A server that is one program on one port."""

    name: str
    configuration: str
    command: tuple[str, ...]  # "{port}" stands for the port
    caller: Caller

    @contextmanager
    def start(self, models: Path, folder: Path) -> Iterator[Running]:
        """Serve the model `stylegan` of the repository `models` for the length of a block."""
        (port,) = processes.free_ports(1)
        target = f"127.0.0.1:{port}"
        argv = [sys.executable, "-m", *(part.format(port=port) for part in self.command)]
        log = folder / f"{self.name}.log"
        process = processes.spawn(argv, _environment(models), log, die_with_us=True)
        try:
            processes.wait_for(
                self.name,
                lambda: process,
                log,
                lambda: _missing(self.caller, target),
                START_SECONDS,
            )
            yield Running(target, lambda: {"all": _memory_mb(process)})
        finally:
            processes.stop_tree(process, STOP_SECONDS)


def _environment(models: Path) -> dict[str, str]:
    return {
        **os.environ,
        MODEL_VARIABLE: str(onnx_file(models).resolve()),
        THREADS_VARIABLE: "1",
        "BENTOML_DO_NOT_TRACK": "True",
    }


def _missing(caller: Caller, target: str) -> str:
    """Ask for a picture; "" if one comes."""

    async def ask() -> None:
        async with caller(target) as call:
            await call([0])

    try:
        asyncio.run(ask())
    except aiohttp.ClientError as error:
        return str(error)
    return ""


def _memory_mb(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_full_info().pss for member in family) / 2**20
