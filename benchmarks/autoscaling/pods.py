"""Tritons that come and go: the pods of the replay."""

import json
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from animegan_kernels.build import build
from animegan_kernels.libraries import TRITON_OCCUPIED
from deploy.local.triton import LocalTriton
from services.common.triton.client import Triton

MODEL = "occupied"
INSTANCES = 2  # as the default models have
JOB = "animegan-triton-generator"

# It occupies its instance as a network occupies a GPU, and computes nothing: more Tritons on one
# machine then carry more load, as more GPUs would.
_CONFIG = """\
name: "{name}"
backend: "occupied"
max_batch_size: 0
input [ {{ name: "x" data_type: TYPE_FP32 dims: [ 1 ] }} ]
output [ {{ name: "y" data_type: TYPE_FP32 dims: [ 1 ] }} ]
instance_group [ {{ count: {instances} kind: KIND_CPU }} ]
parameters {{ key: "seconds" value: {{ string_value: "{seconds}" }} }}
"""


def write_model(repository: Path, seconds: float) -> None:
    """Write a model whose every request takes so long.

    Raises:
        CompilerError: its backend cannot be compiled.
    """
    build([TRITON_OCCUPIED])
    folder = repository / MODEL
    (folder / "1").mkdir(parents=True)
    config = _CONFIG.format(name=MODEL, instances=INSTANCES, seconds=seconds)
    (folder / "config.pbtxt").write_text(config)
    # Triton looks for a backend beside its model first.
    shutil.copy(TRITON_OCCUPIED.built(), folder / TRITON_OCCUPIED.file_name)


@dataclass
class Pod:
    """One Triton, from the decision that it be there."""

    server: LocalTriton
    started: Future[None]
    wanted_at: float  # of time.monotonic
    client: Triton | None = None  # once it is ready


class Pods:
    """As many Tritons as the autoscaler wants, and Prometheus' list of them."""

    def __init__(self, repository: Path, folder: Path, start_seconds: float) -> None:
        """Serve `repository`; keep logs and the list of targets in `folder`.

        A pod is not ready before `start_seconds`, however fast Triton starts here.
        """
        self._repository = repository
        self._folder = folder
        self._start_seconds = start_seconds
        self._threads = ThreadPoolExecutor(16)  # Tritons end with the threads that started them
        self._pods: list[Pod] = []
        self._ending: list[Future[None]] = []
        self._made = 0
        self.targets = folder / "targets.json"
        self._tell_prometheus()

    @property
    def count(self) -> int:
        """Pods that there are, ready or not."""
        return len(self._pods)

    @property
    def ready(self) -> list[Triton]:
        """Connections to those that serve."""
        return [pod.client for pod in self._pods if pod.client]

    def scale(self, wanted: int) -> None:
        """Begin to start what is missing; take the youngest out of service and let them finish."""
        while len(self._pods) < wanted:
            log = self._folder / f"triton-{self._made}.log"
            self._made += 1
            server = LocalTriton(self._repository, log=log)
            started = self._threads.submit(server.start)
            self._pods.append(Pod(server, started, time.monotonic()))
        while len(self._pods) > wanted:
            pod = self._pods.pop()
            self._ending.append(self._threads.submit(_end, pod))
        self._tell_prometheus()

    def look(self) -> None:
        """Take pods that have become ready into service; raise what a start has raised."""
        due = time.monotonic() - self._start_seconds
        for pod in self._pods:
            if pod.client is None and pod.wanted_at <= due and pod.started.done():
                pod.started.result()
                pod.client = Triton(pod.server.http_url)

    async def close(self) -> None:
        """End all of them."""
        clients = self.ready
        self.scale(0)
        for client in clients:
            await client.__aexit__(None, None, None)
        for ending in self._ending:
            ending.result()
        self._threads.shutdown()

    def _tell_prometheus(self) -> None:
        """Prometheus scrapes what is listed, also while it starts: so does the cluster's."""
        targets = [f"127.0.0.1:{pod.server.settings.metrics_port}" for pod in self._pods]
        labels = {"job": JOB, "namespace": "replay"}
        staged = self.targets.with_suffix(".new")
        staged.write_text(json.dumps([{"targets": targets, "labels": labels}]))
        staged.rename(self.targets)


def _end(pod: Pod) -> None:
    pod.started.result()
    time.sleep(1)  # what was sent to it before it left the list
    pod.server.stop()
