"""Run the `tritonserver` binary on the loopback interface of this machine."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from deploy.local import processes
from deploy.local.console import LocalStackError
from deploy.local.runtime import Runtime, ensure_runtime
from deploy.triton_admin import AdminError, TritonAdmin

# Where the search models find the indexes, and "i/n": which shards of each one Triton searches.
INDEXES_VARIABLE = "ANIMEGAN_INDEXES"
SHARDS_VARIABLE = "ANIMEGAN_SHARDS"

READY_SECONDS = 60.0
# How long Triton waits for requests in flight after SIGTERM.
EXIT_SECONDS = 5
KILL_SECONDS = EXIT_SECONDS + 5.0
_UNLOAD_SECONDS = 1.0  # a Triton that is away or hangs is stopped without


@dataclass(frozen=True)
class TritonSettings:
    """One Triton: what it serves, where it listens, what is its own."""

    model_repository: Path
    http_port: int
    grpc_port: int
    metrics_port: int
    admin_key: str  # opens the model-repository protocol
    indexes: Path | None  # folder of the indexes that it searches
    shards: str = ""  # "i/n": only shards i, i + n, ... of each index

    @property
    def grpc_url(self) -> str:
        """host:port, as gRPC clients want it."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http_url(self) -> str:
        """host:port of KServe's HTTP protocol, which services speak."""
        return f"127.0.0.1:{self.http_port}"

    def environment(self, runtime: Runtime) -> dict[str, str]:
        """Return the environment variables of the server."""
        indexes = str(self.indexes) if self.indexes else ""
        return runtime.environment() | {INDEXES_VARIABLE: indexes, SHARDS_VARIABLE: self.shards}

    def command(self, runtime: Runtime) -> list[str]:
        """Return the command line."""
        restricted = f"model-repository:admin-key={self.admin_key}"
        return [
            str(runtime.binary),
            f"--model-repository={self.model_repository}",
            f"--backend-directory={runtime.backends}",
            f"--cache-directory={runtime.binary.parents[1] / 'caches'}",
            "--model-control-mode=explicit",
            "--load-model=*",
            "--disable-auto-complete-config",  # configs are complete; completing doubles start-up
            "--exit-on-error=false",  # one broken model does not take the others down
            f"--exit-timeout-secs={EXIT_SECONDS}",
            "--http-address=127.0.0.1",
            f"--http-port={self.http_port}",
            "--grpc-address=127.0.0.1",
            f"--grpc-port={self.grpc_port}",
            "--allow-gpu-metrics=false",  # PyPI's Triton has no GPU to measure
            "--metrics-address=127.0.0.1",
            f"--metrics-port={self.metrics_port}",
            f"--grpc-restricted-protocol={restricted}",
            f"--http-restricted-api={restricted}",
            f"--backend-config=onnxruntime,library={runtime.onnxruntime_library}",
        ]


class LocalTriton:
    """A Triton that lives as long as a `with` block, or from `start` to `stop`.

    Ports that are 0 become free ones. The server ends with the thread that started it, even when
    that is killed.
    """

    def __init__(
        self,
        model_repository: Path,
        *,
        http_port: int = 0,
        grpc_port: int = 0,
        metrics_port: int = 0,
        indexes: Path | None = None,
        shards: str = "",
        log: Path,
    ) -> None:
        """Choose ports and keys; nothing is started yet.

        Args:
            model_repository: what it serves.
            http_port: of KServe's HTTP protocol.
            grpc_port: of KServe's gRPC protocol.
            metrics_port: of Prometheus' metrics.
            indexes: folder of the indexes that it searches; None: it has none.
            shards: "i/n" for the shards i, i + n, ... of each index; "" for all.
            log: where its output is appended.
        """
        free = iter(processes.free_ports(3))
        self.settings = TritonSettings(
            model_repository=model_repository.resolve(),
            http_port=http_port or next(free),
            grpc_port=grpc_port or next(free),
            metrics_port=metrics_port or next(free),
            admin_key=secrets.token_hex(16),
            indexes=indexes and indexes.resolve(),
            shards=shards,
        )
        self.log = log
        self._process: psutil.Process | None = None

    @property
    def grpc_url(self) -> str:
        """host:port of KServe's gRPC protocol."""
        return self.settings.grpc_url

    @property
    def http_url(self) -> str:
        """host:port of KServe's HTTP protocol."""
        return self.settings.http_url

    @property
    def metrics_url(self) -> str:
        """URL that Prometheus scrapes."""
        return f"http://127.0.0.1:{self.settings.metrics_port}/metrics"

    @property
    def pid(self) -> int:
        """The server's process id.

        Raises:
            LocalStackError: it is not running.
        """
        if self._process is None:
            raise LocalStackError("This Triton is not started.")
        return self._process.pid

    def admin(self) -> TritonAdmin:
        """Return a new client with this server's admin key; close it after use."""
        return TritonAdmin(self.grpc_url, self.settings.admin_key)

    def start(self) -> None:
        """Start the server and wait until all its models are ready.

        Raises:
            LocalStackError: the runtime cannot be built, or Triton is not ready in time.
        """
        runtime = ensure_runtime()
        self._process = processes.spawn(
            self.settings.command(runtime),
            self.settings.environment(runtime),
            self.log,
            die_with_us=True,
        )
        try:
            wait_until_ready(self.settings, self._process, self.log)
        except BaseException:  # also Ctrl-C: nothing may be left behind
            self.stop()
            raise

    def stop(self) -> None:
        """Let requests in flight finish and end the server."""
        if self._process is not None:
            unload_models(self.settings)
            processes.stop_tree(self._process, KILL_SECONDS)
            self._process = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()


def wait_until_ready(
    settings: TritonSettings, process: psutil.Process, log: Path, timeout: float = READY_SECONDS
) -> None:
    """Wait until every model of the repository serves.

    Raises:
        LocalStackError: Triton ended, a model cannot be loaded, or time is up; with the log's end.
    """
    processes.wait_for("Triton", lambda: process, log, lambda: missing_models(settings), timeout)


def unload_models(settings: TritonSettings) -> None:
    """Take all models out of service, before Triton is stopped; requests in flight are answered.

    It would do so itself, but look only after a second whether they have gone.
    """
    with TritonAdmin(settings.grpc_url, settings.admin_key) as admin, suppress(AdminError):
        for state in admin.index(_UNLOAD_SECONDS):
            if state.ready:
                admin.unload(state.name, _UNLOAD_SECONDS)


def missing_models(settings: TritonSettings) -> str:
    """Return what Triton still has to do; "" when all models serve.

    Raises:
        LocalStackError: a model cannot be loaded, however long one waits.
    """
    # A new connection each time: one that has failed would wait before it tries again.
    with TritonAdmin(settings.grpc_url, settings.admin_key) as admin:
        if not admin.live():
            return "it does not answer"
        try:
            states = admin.index()
        except AdminError as error:
            return str(error)
    waiting = [state for state in states if not state.ready]
    broken = [f"{state.name}: {state.reason}" for state in waiting if state.reason]
    if broken:
        raise LocalStackError("Triton cannot load a model: " + "; ".join(broken))
    if waiting:
        return f"loading {', '.join(state.name for state in waiting)}"
    # Services come by HTTP, which it opens after gRPC.
    return "" if processes.listens(settings.http_port) else "it does not listen for HTTP yet"
