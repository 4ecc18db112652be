"""The parts of the stack: how each is started, when it is ready, how it is stopped."""

import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local import processes
from deploy.local.console import LocalStackError
from deploy.local.processes import PidFile
from deploy.local.runtime import ensure_runtime
from deploy.local.state import Restarts, StackState
from deploy.local.triton import KILL_SECONDS, READY_SECONDS, missing_models, unload_models

Command = tuple[list[str], dict[str, str]]  # arguments, environment

TRITON = "triton"
SUPERVISOR = "supervisor"

# Without it in the repository there is nothing for the similarity service to do.
SEARCH_MODEL = "ssim_search"

# The upscaler's default method: what this says, or the first of these that the repository has.
UPSCALER_METHOD_VARIABLE = "ANIMEGAN_UPSCALER_DEFAULT_METHOD"
PREFERRED_METHODS = ("compact", "upconv7")

# The generator's default model: what this says; or its own, where the repository has that, else the
# first that is there.
GENERATOR_MODEL_VARIABLE = "ANIMEGAN_GENERATOR_DEFAULT_MODEL"
USUAL_MODEL = "stylegan"

# Of the files in which parts remember their restarts.
RESTARTS_SUFFIX = ".restarts"

# A service gives calls in flight 30 s by itself; after that it is overdue.
_SERVICE_STOP_SECONDS = 35.0
_SUPERVISOR_STOP_SECONDS = 15.0  # it may be in the middle of a restart
_HEALTH_SECONDS = 2.0


@dataclass(frozen=True)
class Component:
    """One background process of the stack."""

    name: str
    folder: Path  # for its pid file and its log
    command: Callable[[], Command]
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    missing: Callable[[], str]  # what it still lacks to serve, "" when it is ready
    stop_seconds: float  # from SIGTERM to SIGKILL
    before_stop: Callable[[], None] = lambda: None
    health: str = ""  # host:port of grpc.health.v1, if it has that
    alone: bool = False  # what it starts are parts of their own

    @property
    def log(self) -> Path:
        """What it writes; appended to by every start."""
        return self.folder / f"{self.name}.log"

    @property
    def _pid_file(self) -> PidFile:
        return PidFile(self.folder / f"{self.name}.pid")

    @property
    def _restart_file(self) -> Path:
        return self.folder / f"{self.name}{RESTARTS_SUFFIX}"

    def process(self) -> psutil.Process | None:
        """Return its process if it runs."""
        return self._pid_file.process()

    def family(self) -> list[psutil.Process]:
        """Return its process and those that belong to it, as far as they run."""
        process = self.process()
        if process is None:
            return []
        return [process] if self.alone else processes.tree(process)

    def restarts(self) -> Restarts:
        """Return how it has fared under the supervisor."""
        return Restarts.read(self._restart_file)

    def remember(self, restarts: Restarts) -> None:
        """Remember how it has fared, for `status`."""
        restarts.write(self._restart_file)

    def start(self) -> psutil.Process:
        """Start it, and remember its process and return it.

        Raises:
            LocalStackError: one of its ports is taken.
        """
        for port in self.ports:
            if processes.port_in_use(port):
                raise LocalStackError(
                    f"Port {port}, which {self.name} needs, is in use: stop what listens there "
                    f"(`ss -ltnp sport = :{port}` shows it), or choose other ports (`--help`)."
                )
        command = self.command()
        with processes.uninterrupted():  # nothing may run that nobody remembers
            process = processes.spawn(*command, self.log)
            self._pid_file.write(process)
        return process

    def wait_until_ready(self) -> None:
        """Wait until it serves.

        Raises:
            LocalStackError: it ended, or is not ready in time; with the end of its log.
        """
        processes.wait_for(self.name, self.process, self.log, self.missing, READY_SECONDS)

    def stop(self, at_most: float = math.inf) -> bool:
        """Let it finish, end it and its children; tell whether it ran.

        Args:
            at_most: seconds that it gets for this, if they are fewer than its own.
        """
        if self.process():
            self.before_stop()
        return self._pid_file.stop(min(self.stop_seconds, at_most), alone=self.alone)


def components(state: StackState, folder: Path) -> list[Component]:
    """Return the parts of a stack: Triton first, the supervisor last."""
    triton = _triton(state, folder)
    services = [_generator(state, folder)]
    if upscaling_methods(state.settings.model_repository):
        services.append(_upscaler(state, folder))
    if (state.settings.model_repository / SEARCH_MODEL).is_dir():
        services.append(_similarity(state, folder))
    return [triton, *services, _supervisor(folder)]


def upscaling_methods(repository: Path) -> list[str]:
    """The methods by which networks of a model repository enlarge, the preferred ones first."""
    names = {folder.name.split("_")[1] for folder in repository.glob("upscale_*_?x*")}
    preferred = [name for name in PREFERRED_METHODS if name in names]
    return preferred + sorted(names.difference(preferred))


def generators(repository: Path) -> list[str]:
    """The models of a repository that draw from latents, sorted, as their cards tell it."""
    cards = sorted(repository.glob("[!.]*/[0-9]*/model_card.json"))
    return sorted({card.parts[-3] for card in cards if _contract(card) == "generator"})


def _contract(card: Path) -> str:
    """What a model card says that its model is; "" if it cannot be read, which Triton tells of."""
    try:
        return str(json.loads(card.read_bytes())["contract"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _triton(state: StackState, folder: Path) -> Component:
    settings = state.triton

    def command() -> Command:
        runtime = ensure_runtime()
        return settings.command(runtime), settings.environment(runtime)

    return Component(
        name=TRITON,
        folder=folder,
        command=command,
        ports=(settings.http_port, settings.grpc_port, settings.metrics_port),
        addresses=(
            f"gRPC {settings.grpc_url}",
            f"HTTP http://127.0.0.1:{settings.http_port}",
            f"metrics http://127.0.0.1:{settings.metrics_port}/metrics",
        ),
        missing=lambda: missing_models(settings),
        stop_seconds=KILL_SECONDS,
        before_stop=lambda: unload_models(settings),
    )


def _generator(state: StackState, folder: Path) -> Component:
    ports = state.settings.generator_port, state.settings.generator_metrics_port
    names = generators(state.settings.model_repository)
    if GENERATOR_MODEL_VARIABLE in os.environ or USUAL_MODEL in names or not names:
        return _service("generator", state, folder, ports)
    return _service("generator", state, folder, ports, f"--default-model={names[0]}")


def _upscaler(state: StackState, folder: Path) -> Component:
    ports = state.settings.upscaler_port, state.settings.upscaler_metrics_port
    if UPSCALER_METHOD_VARIABLE in os.environ:  # a flag would overrule it
        return _service("upscaler", state, folder, ports)
    default, *_ = upscaling_methods(state.settings.model_repository)
    return _service("upscaler", state, folder, ports, f"--default-method={default}")


def _similarity(state: StackState, folder: Path) -> Component:
    ports = state.settings.similarity_port, state.settings.similarity_metrics_port
    flag = f"--default-index={state.settings.default_index}"
    return _service("similarity", state, folder, ports, flag)


def _service(
    name: str, state: StackState, folder: Path, ports: tuple[int, int], *flags: str
) -> Component:
    """The service `services.<name>`; its ports are those of gRPC and of its metrics."""
    port, metrics_port = ports
    target = f"127.0.0.1:{port}"
    argv = [sys.executable, "-m", f"services.{name}", f"--triton-url={state.triton.http_url}"]
    # No load balancer has to notice that it is leaving.
    argv += [f"--port={port}", f"--metrics-port={metrics_port}", "--drain-wait-s=0", *flags]
    return Component(
        name=name,
        folder=folder,
        command=lambda: (argv, dict(os.environ)),
        ports=ports,
        addresses=(f"gRPC {target}", f"metrics http://127.0.0.1:{metrics_port}/metrics"),
        missing=lambda: not_serving(target),
        stop_seconds=_SERVICE_STOP_SECONDS,
        health=target,
    )


def _supervisor(folder: Path) -> Component:
    argv = [sys.executable, "-m", "deploy.local.supervisor", f"--state-dir={folder}"]
    return Component(
        name=SUPERVISOR,
        folder=folder,
        command=lambda: (argv, dict(os.environ)),
        ports=(),
        addresses=(),
        missing=lambda: "",  # nobody calls it: running is all it has to do
        stop_seconds=_SUPERVISOR_STOP_SECONDS,
        alone=True,
    )


def not_serving(target: str, service: str = "", timeout: float = _HEALTH_SECONDS) -> str:
    """Ask grpc.health.v1 at host:port about one of its services; return "" if it is SERVING."""
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            reply = stub.Check(  # type: ignore[attr-defined]  # set by __init__, unknown to its types
                health_pb2.HealthCheckRequest(service=service), timeout=timeout
            )
        except grpc.RpcError as error:
            return f"no answer to a health check ({error.code().name})"
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    return "" if status == "SERVING" else f"its health is {status}"
