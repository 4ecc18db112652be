"""Triton, the services and their supervisor, in the background of one machine."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local import monitoring
from deploy.local.components import RESTARTS_SUFFIX, SUPERVISOR, TRITON, Component, components
from deploy.local.console import LocalStackError, say
from deploy.local.monitoring import MonitoringSettings
from deploy.local.runtime import PROJECT
from deploy.local.state import STATE_FILE, Restarts, StackSettings, StackState, locked
from deploy.triton_admin import AdminError, ModelState, TritonAdmin

DEFAULT_STATE_DIR = PROJECT / ".local" / "run"


@dataclass(frozen=True)
class ComponentStatus:
    """What `status` tells about a part of the stack."""

    name: str
    pid: int | None  # None: it does not run
    lacks: str  # "" when it runs and serves
    addresses: tuple[str, ...]
    memory_mb: float  # of its processes, pages shared among them counted once
    restarts: Restarts


class Stack:
    """The stack of one state directory, where its settings, pid files and logs lie."""

    def __init__(self, state_dir: Path = DEFAULT_STATE_DIR) -> None:
        """Stacks with different state directories do not know of each other."""
        self._folder = state_dir.resolve()
        self._state_file = self._folder / STATE_FILE

    def up(self, settings: StackSettings) -> None:
        """Start what does not run yet and wait until all of it serves.

        Raises:
            LocalStackError: there are no models, a port is taken, a stack with other settings
                runs, or a part does not get ready; what this call started is stopped again.
        """
        if not any(settings.model_repository.glob("*/config.pbtxt")):
            raise LocalStackError(
                f"There are no models in {settings.model_repository}: `git checkout "
                "models` brings back those of the project, --models names another repository."
            )
        with locked(self._folder):
            state = self._state_for(settings)
            started: list[Component] = []
            try:
                _run_all(self._parts(state), started)
            except BaseException:  # also Ctrl-C: what is half started must not stay
                _stop_all(started)
                if not self._runs(state):
                    self._forget()
                raise

    def down(self) -> bool:
        """Let calls in flight finish and stop everything; tell whether anything ran."""
        with locked(self._folder):
            state = self.state()
            if state is None:
                return False
            stopped = _stop_all(self._parts(state))
            self._forget()
            return stopped

    def monitor(self, settings: MonitoringSettings) -> list[Component]:
        """Start Prometheus and Alertmanager for the stack, anew if they run; `down` stops them.

        Raises:
            LocalStackError: no stack runs, a program is not installed, or a port is taken.
        """
        with locked(self._folder):
            state = self.state()
            if state is None:
                raise LocalStackError("No stack is running: start it with `make up`.")
            *_, supervisor = components(state, self._folder)
            supervisor.stop()  # it learns of the two when it starts
            try:
                return monitoring.start(state, self._folder, settings)
            finally:
                supervisor.start()

    def state(self) -> StackState | None:
        """Return what was remembered when the stack was started here, None without one."""
        return StackState.read(self._state_file)

    def running(self) -> StackSettings | None:
        """Return the settings of the stack if any part of it runs at this moment."""
        state = self.state()
        return state.settings if state and self._runs(state) else None

    def status(self) -> list[ComponentStatus]:
        """Return what runs and serves at this moment; empty if no stack was started here."""
        state = self.state()
        return [_status(part) for part in self._parts(state)] if state else []

    def models(self) -> list[ModelState]:
        """Return the models of Triton's repository; empty if it is away."""
        state = self.state()
        if state is None:
            return []
        with TritonAdmin(state.triton.grpc_url, state.admin_key) as admin:
            try:
                return admin.index()
            except AdminError:
                return []

    def load(self, model: str) -> None:
        """Put a model's newest version into service.

        Raises:
            LocalStackError: no stack runs, or the version cannot be loaded: the old one serves on.
        """
        state = self.state()
        if state is None:
            raise LocalStackError("No stack is running: start it with `make up`.")
        with TritonAdmin(state.triton.grpc_url, state.admin_key) as admin:
            try:
                admin.load(model)
            except AdminError as error:
                raise LocalStackError(f"Triton cannot load {model}: {error}") from error

    def logs(self) -> list[Path]:
        """Return the log files that there are."""
        return sorted(self._folder.glob("*.log"))

    def _state_for(self, settings: StackSettings) -> StackState:
        """Return the state of the stack that runs with these settings, or of a new one."""
        before = self.state()
        if before and self._runs(before):
            if before.settings != settings:
                different = ", ".join(before.settings.differences(settings))
                raise LocalStackError(
                    f"A stack runs here with another {different}: stop it with `{self._stop}`."
                )
            return before
        if before:  # it was not stopped but killed, with the machine perhaps
            self._forget()
        state = StackState.new(settings)
        state.write(self._state_file)
        return state

    @property
    def _stop(self) -> str:
        """The command that stops this stack."""
        if self._folder == DEFAULT_STATE_DIR.resolve():
            return "make down"
        return f"python -m deploy.local down --state-dir={self._folder}"

    def _parts(self, state: StackState) -> list[Component]:
        """The parts of the stack, with what watches it."""
        return [*components(state, self._folder), *monitoring.parts(self._folder)]

    def _runs(self, state: StackState) -> bool:
        """Tell whether any part runs."""
        return any(part.process() for part in components(state, self._folder))

    def _forget(self) -> None:
        """Remove what a stack that does not run any more has left."""
        monitoring.stop(self._folder)
        for file in self._folder.glob(f"*{RESTARTS_SUFFIX}"):
            file.unlink()
        self._state_file.unlink()


def _run_all(parts: list[Component], started: list[Component]) -> None:
    """Start the parts that do not run, and wait until all of them serve.

    None waits for another one: a service is ready as soon as Triton is.
    """
    for part in parts:
        if part.process() is None:
            say(f"Starting {part.name}")
            started.append(part)  # first: an interrupt between the two must find it
            part.start()
    for part in parts:
        part.wait_until_ready()


def _stop_all(parts: list[Component]) -> bool:
    """Stop the parts; tell whether any ran.

    The supervisor first, so that nothing comes back; Triton last: services ask it until they end.
    """
    first = [part for part in parts if part.name == SUPERVISOR]
    last = [part for part in parts if part.name == TRITON]
    others = [part for part in parts if part.name not in (SUPERVISOR, TRITON)]
    with ThreadPoolExecutor(max_workers=len(parts) or 1) as threads:
        stopped = [
            ran for together in (first, others, last) for ran in threads.map(_stop, together)
        ]
    return any(stopped)


def _stop(part: Component) -> bool:
    return part.stop()


def _status(part: Component) -> ComponentStatus:
    process, restarts = part.process(), part.restarts()
    if process is None:
        return ComponentStatus(part.name, None, "not running", part.addresses, 0.0, restarts)
    try:
        lacks = part.missing()
    except LocalStackError as error:
        lacks = str(error)
    memory_mb = _memory_mb(part.family())
    return ComponentStatus(part.name, process.pid, lacks, part.addresses, memory_mb, restarts)


def _memory_mb(family: list[psutil.Process]) -> float:
    """Return the proportional set size of some processes: 2**20 bytes."""
    total = 0
    for member in family:
        # It may have ended in between; zombies have no memory either.
        with suppress(psutil.NoSuchProcess):
            total += member.memory_full_info().pss
    return total / 2**20
