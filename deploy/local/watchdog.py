"""Keep the Triton of a local stack serving: a process of its own, which starts it again when

- it has ended; or
- it hangs: canary inferences, every few seconds, go unanswered while nothing moves. A model that
  computes for ever blocks what is loaded, and no thread of a process can be ended from outside.

A model with a long queue leaves canaries unanswered too, but it gets on with its work: that Triton
is left alone.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psutil
import structlog

from deploy.local import processes
from deploy.local.components import Component, components
from deploy.local.console import LocalStackError
from deploy.local.state import STATE_FILE, StackState, locked
from deploy.triton_admin import AdminError, Health, TritonAdmin
from services.common import logs

_TRITON = "triton"  # where a model's name stands, for the server as a whole

log = structlog.get_logger()


@dataclass(frozen=True)
class Timing:
    """How often the watchdog looks and how long it waits, in seconds."""

    look: float = 0.5  # between two looks at the process
    canary: float = 5.0  # between two rounds of canaries
    canary_deadline: float = 10.0
    hang: float = (
        60.0  # longer than the largest tiles of the slowest network take on a busy machine
    )
    restart_pause: float = 5.0  # between two restarts


@dataclass(frozen=True)
class _Silence:
    """Since when nothing is heard of a model, and how many batches it had executed then."""

    since: float
    executions: int


class Watchdog:
    """Watches one Triton. `look` does everything that is due and returns at once."""

    def __init__(self, triton: Component, admin: TritonAdmin, timing: Timing) -> None:
        """`admin` speaks with the server that `triton` starts."""
        self._triton = triton
        self._admin = admin
        self._timing = timing
        self._answered = False  # until then it is starting, which takes long with large indexes
        self._silent: dict[str, _Silence] = {}  # by model; Triton itself is _TRITON
        self._complaints: dict[str, str] = {}  # the last ones, to log changes only
        self._next_canary = 0.0
        self._next_restart = 0.0

    def look(self) -> None:
        """Look once at everything that is due."""
        now = time.monotonic()
        process = self._triton.process()
        if process is None:
            self._restart(process, "it has ended")
        elif now >= self._next_canary:
            self._look_at_models()
            self._next_canary = now + self._timing.canary
            if hung := self._hung():
                self._restart(process, f"no answer, and nothing moves: {', '.join(hung)}")

    def _look_at_models(self) -> None:
        """Run a canary on every model that claims to be ready: others an operator has unloaded."""
        try:
            ready = {state.name for state in self._admin.index() if state.ready}
            self._answered = True
            for name in sorted(ready):
                self._look_at(name)
        except AdminError as error:
            if self._answered:
                self._note(_TRITON, str(error), executions=0)
            return
        known = ready & self._silent.keys()
        self._silent = {name: self._silent[name] for name in known}

    def _look_at(self, name: str) -> None:
        config, deadline = self._admin.config(name), self._timing.canary_deadline
        health, message = self._admin.canary(name, config, deadline)
        if health is Health.SLOW:
            self._note(name, message, self._admin.executions(name))
        else:
            self._silent.pop(name, None)
            self._complain(name, message)

    def _note(self, name: str, message: str, executions: int) -> None:
        """Take down that nothing was heard of a model."""
        self._complain(name, message)
        before = self._silent.get(name)
        if before is None or before.executions != executions:
            self._silent[name] = _Silence(time.monotonic(), executions)

    def _complain(self, name: str, message: str) -> None:
        if message and message != self._complaints.get(name):
            log.warning("canary failed", model=name, reason=message)
        self._complaints[name] = message

    def _hung(self) -> list[str]:
        """Models of which nothing has been heard for too long."""
        earliest = time.monotonic() - self._timing.hang
        return sorted(name for name, silence in self._silent.items() if silence.since <= earliest)

    def _restart(self, process: psutil.Process | None, reason: str) -> None:
        """Start Triton again, unless a command of the stack has done so meanwhile."""
        now = time.monotonic()
        if now < self._next_restart:
            return
        with locked(self._triton.folder):
            if self._triton.process() != process:
                return
            log.error("restarting triton", reason=reason)
            self._next_restart = now + self._timing.restart_pause
            self._answered = False
            self._silent.clear()
            try:
                self._triton.stop()
                self._triton.start()
            except LocalStackError as error:
                log.error("triton cannot be started", reason=str(error))


def main() -> NoReturn:
    """Run as `python -m deploy.local.watchdog`, until SIGTERM."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="of the stack")
    folder = parser.parse_args().state_dir
    state = StackState.read(folder / STATE_FILE)
    if state is None:
        parser.error(f"there is no stack in {folder}")
    logs.configure("watchdog", "info")
    processes.interrupt_on_sigterm()
    timing = Timing()
    triton, *_ = components(state, folder)
    with TritonAdmin(state.triton.grpc_url, state.admin_key) as admin:
        watchdog = Watchdog(triton, admin, timing)
        try:
            while True:
                watchdog.look()
                time.sleep(timing.look)
        except KeyboardInterrupt:
            log.info("stopped")
            raise SystemExit(0) from None


if __name__ == "__main__":
    main()
