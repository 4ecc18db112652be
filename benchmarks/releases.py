"""`python -m benchmarks.releases`: how long the steps of a release take, and whether a call fails.

The default model is published again and again into a stack of its own, as `make up` starts one,
while callers call. A rollback counts until a caller gets a picture by the version before.
"""

import argparse
import json
import operator
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import grpc
from animegan.generator.v1 import generator_pb2, generator_pb2_grpc

from benchmarks.machine import PROJECT, machine
from deploy.local.stack import Stack
from deploy.local.state import StackSettings
from training.release.actions import load, promote, rollback
from training.release.publish import publish
from training.release.store import Store
from training.release.tritons import Address, Tritons

MODEL = "stylegan"
RESULTS = PROJECT / "benchmarks" / "results" / "releases.json"
IMAGES = 8  # of a call
_LOOK_S = 0.002
_TIMEOUT_S = 60.0


@dataclass
class Callers:
    """Threads that call all the time."""

    target: str
    outcomes: Counter[str] = field(default_factory=Counter)
    version: int = 0  # of the last picture
    _done: Event = field(default_factory=Event)
    _threads: list[Thread] = field(default_factory=list)

    def start(self, count: int) -> None:
        """Begin."""
        self._threads = [Thread(target=self._call) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the calls under way end."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, condition: Callable[[int], bool]) -> None:
        """Wait until a picture's version fulfils the condition."""
        end = time.monotonic() + _TIMEOUT_S
        while not condition(self.version):
            if time.monotonic() > end:
                raise TimeoutError(f"callers still get version {self.version}")
            time.sleep(_LOOK_S)

    def _call(self) -> None:
        with grpc.insecure_channel(self.target) as channel:  # our client would try again
            stub: Any = generator_pb2_grpc.GeneratorServiceStub(channel)
            while not self._done.is_set():
                try:
                    answer = stub.Generate(generator_pb2.GenerateRequest(count=IMAGES))
                except grpc.RpcError as error:
                    self.outcomes[str(error)] += 1
                else:
                    self.version = answer.images[-1].model_version
                    self.outcomes["ok"] += 1


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the results file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.releases", description=(__doc__ or "").split("\n", 1)[1]
    )
    parser.add_argument("--rounds", type=int, default=15, help="releases (default: %(default)s)")
    parser.add_argument("--callers", type=int, default=2, help="default: %(default)s")
    arguments = parser.parse_args(argv)
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="bench-releases-")))
        seconds, callers = measure(folder, arguments.rounds, arguments.callers, cleanup)
    failed = callers.outcomes.total() - callers.outcomes["ok"]
    case: dict[str, Any] = {
        "case": "release",
        "rounds": arguments.rounds,
        "callers": arguments.callers,
        "calls": callers.outcomes.total(),
        "failed_calls": failed,
    }
    for step, taken in seconds.items():
        for name, value in (("", median(taken)), ("_min", min(taken)), ("_max", max(taken))):
            case[f"{step}_ms{name}"] = round(1000 * value, 1)
    RESULTS.write_text(json.dumps({"environment": machine(), "cases": [case]}, indent=2) + "\n")
    sys.stdout.write(json.dumps(case, indent=2) + "\n")
    return 1 if failed else 0


def measure(
    folder: Path, rounds: int, count: int, cleanup: ExitStack
) -> tuple[dict[str, list[float]], Callers]:
    """Release, promote and roll back `rounds` times; the seconds of each step."""
    shutil.copytree(PROJECT / "models" / MODEL, folder / "candidate" / MODEL)
    candidate, models = Store(folder / "candidate"), Store(folder / "models")
    publish(candidate, models, MODEL)
    settings = StackSettings(folder / "models").on_free_ports()
    stack = Stack(folder / "stack")
    cleanup.callback(stack.down)
    stack.up(settings)
    state = stack.state()
    assert state
    tritons = cleanup.enter_context(Tritons([Address(state.triton.grpc_url, state.admin_key)]))
    callers = Callers(f"127.0.0.1:{settings.generator_port}")
    cleanup.callback(callers.stop)
    callers.start(count)
    seconds: dict[str, list[float]] = {"load": [], "rollback_command": [], "rollback_seen": []}
    for _ in range(rounds):
        callers.wait_for(lambda version: version > 0)
        before = callers.version
        publish(candidate, models, MODEL)
        started = time.perf_counter()
        load(models, tritons, MODEL)
        seconds["load"].append(time.perf_counter() - started)
        promote(models, tritons, MODEL)
        callers.wait_for(partial(operator.ne, before))
        started = time.perf_counter()
        rollback(models, tritons, MODEL)
        seconds["rollback_command"].append(time.perf_counter() - started)
        callers.wait_for(partial(operator.eq, before))
        seconds["rollback_seen"].append(time.perf_counter() - started)
    callers.stop()
    return seconds, callers


if __name__ == "__main__":
    sys.exit(main())
