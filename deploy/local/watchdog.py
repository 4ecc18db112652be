"""Keep the models of a local Triton serving: a process of its own beside the server.

Triton 2.51 never restarts a Python stub that died: its requests fail for ever with INTERNAL "Stub
process ... is not healthy", while server-ready and model-ready stay true. Only unload + load brings
the model back, which is what this process does, when

- a stub has died, seen every second in the process table: a request that reaches a dead stub takes
  a second to fail and keeps Triton from ever freeing the instance, so speed counts; or
- a canary inference, every few seconds, says so, or they go unanswered while nothing moves.

What a dead stub leaves behind is removed: its shared memory, and the other stubs of the unloaded
model, which Triton forgets to end if a request had reached the dead one.
"""

import argparse
import os
import time
from dataclasses import dataclass
from typing import NoReturn

import psutil
import structlog

from deploy.local import processes, shared_memory, stubs
from deploy.triton_admin import ADMIN_KEY_VARIABLE, AdminError, Health, TritonAdmin
from services.common import logs

# Longer than a busy machine takes to reap a stub that has ended.
_REAPED_SECONDS = 0.5

log = structlog.get_logger()


@dataclass(frozen=True)
class Timing:
    """How often the watchdog looks and how long it waits, in seconds."""

    look: float = 1.0  # between two looks at the stubs
    canary: float = 5.0  # between two rounds of canaries
    canary_deadline: float = 10.0
    hang: float = (
        60.0  # longer than the largest tiles of the slowest network take on a busy machine
    )
    reload_pause: float = 5.0  # between two reloads of one model
    farewell: float = 30.0  # from reload to the end of the old stubs: their requests may finish
    settled: float = 60.0  # Triton gives a stub 30 s to start; its memory exists before it


class Watchdog:
    """Watches one server. `look` does everything that is due and returns at once."""

    def __init__(
        self, admin: TritonAdmin, server: psutil.Process, shm_prefix: str, timing: Timing
    ) -> None:
        """`server` is the tritonserver process whose admin protocol `admin` speaks."""
        self._admin = admin
        self._server = server
        self._shm_prefix = shm_prefix
        self._timing = timing
        self._stubs: set[stubs.Stub] = set()  # seen alive, not replaced yet
        self._replaced: dict[stubs.Stub, float] = {}  # with the time at which they must be gone
        self._missing: set[str] = set()  # models that we unloaded and could not load again
        self._not_before: dict[str, float] = {}  # earliest next reload of a model
        # At a model's first unanswered canary, and when it was seen.
        self._executions: dict[str, tuple[int, float]] = {}
        self._complaints: dict[str, str] = {}  # a model's last canary error, to log changes only
        self._next_canary = 0.0

    def look(self) -> None:
        """Look once at everything that is due.

        Raises:
            AdminError: Triton is away.
        """
        self._check_stubs()
        self._retry_missing()
        if time.monotonic() >= self._next_canary:
            self._check_models()
            self._next_canary = time.monotonic() + self._timing.canary
        self._tidy_up()

    def _check_stubs(self) -> None:
        """Reload the models of stubs that have died."""
        self._stubs |= set(stubs.living(self._server)) - self._replaced.keys()
        if all(stub.alive() for stub in self._stubs):
            return
        # Triton reaps the stubs of a model that it unloads, those that were killed stay zombies.
        time.sleep(_REAPED_SECONDS)
        self._stubs = {stub for stub in self._stubs if stub.process.is_running()}
        bereft = {stub.model for stub in self._stubs if not stub.alive()}
        for model in sorted(bereft & self._ready_models()):
            self._reload(model, "a stub process died")

    def _ready_models(self) -> set[str]:
        """Return the models that claim to be ready: an operator has unloaded the others."""
        return {state.name for state in self._admin.index() if state.ready}

    def _check_models(self) -> None:
        """Run canaries on every model that claims to be ready."""
        for name in sorted(self._ready_models()):
            config = self._admin.config(name)
            # Idle instances take turns, so this many canaries reach each of them.
            instances = sum(group["count"] for group in config["instance_group"])
            for _ in range(instances):
                health, message = self._admin.canary(name, config, self._timing.canary_deadline)
                if health is not Health.HEALTHY:
                    break
            self._judge(name, health, message)

    def _judge(self, name: str, health: Health, message: str) -> None:
        """Log a canary's complaint once, and reload the model if that is the remedy."""
        if message and message != self._complaints.get(name):
            log.warning("canary failed", model=name, health=health.value, reason=message)
        self._complaints[name] = message
        if health is Health.DEAD:
            self._reload(name, message)
        elif health is Health.SLOW:
            self._suspect(name)
        else:
            self._executions.pop(name, None)

    def _suspect(self, name: str) -> None:
        """Reload a model that leaves canaries unanswered and has executed nothing for a while.

        A model with a long queue is slow too, but it gets on with its work: reloading it would
        make things worse.
        """
        executions, now = self._admin.executions(name), time.monotonic()
        before, since = self._executions.get(name, (None, now))
        if executions != before:
            self._executions[name] = executions, now
        elif now - since >= self._timing.hang:
            self._reload(name, "it hangs")

    def _reload(self, name: str, reason: str) -> None:
        """Unload and load a model: load alone does nothing for a model that claims to be ready."""
        now = time.monotonic()
        if now < self._not_before.get(name, 0.0):
            return
        self._not_before[name] = now + self._timing.reload_pause
        old = {stub for stub in self._stubs if stub.model == name}
        self._stubs -= old
        self._replaced |= dict.fromkeys(old, now + self._timing.farewell)
        self._executions.pop(name, None)
        log.warning("reloading a model", model=name, reason=reason)
        self._admin.unload(name)
        self._missing.add(name)
        self._load(name, started=now)

    def _retry_missing(self) -> None:
        """Load the models that could not be loaded after their unload."""
        now = time.monotonic()
        for name in sorted(self._missing):
            if now >= self._not_before[name]:
                self._not_before[name] = now + self._timing.reload_pause
                self._load(name, started=now)

    def _load(self, name: str, started: float) -> None:
        try:
            self._admin.load(name)
        except AdminError as error:
            log.error("a model cannot be loaded", model=name, reason=str(error))
            return
        self._missing.discard(name)
        log.info("model loaded", model=name, seconds=round(time.monotonic() - started, 3))

    def _tidy_up(self) -> None:
        """Kill replaced stubs that Triton has not ended; remove shared memory without a stub."""
        now = time.monotonic()
        self._replaced = {stub: end for stub, end in self._replaced.items() if stub.alive()}
        for stub in [stub for stub, end in self._replaced.items() if end <= now]:
            stub.process.kill()
            log.info("killed a stub of an unloaded model", model=stub.model, pid=stub.process.pid)
        in_use = {stub.region for stub in stubs.living(self._server)}
        settled = self._timing.settled
        removed = shared_memory.remove(
            shared_memory.leaked(self._shm_prefix, in_use, settled_seconds=settled)
        )
        if removed:
            log.info("removed leaked shared memory", regions=removed)


def watch(watchdog: Watchdog, server: psutil.Process, pause: float) -> None:
    """Look again and again, until the server is gone."""
    log.info("watching", triton_pid=server.pid)
    away = False
    while processes.alive(server):
        try:
            watchdog.look()
            away = False
        except AdminError as error:
            if not away:
                log.warning("triton refuses or does not answer", reason=str(error))
            away = True
        time.sleep(pause)
    log.warning("triton is gone", triton_pid=server.pid)


def main() -> NoReturn:
    """Run as `python -m deploy.local.watchdog`, with the admin key in the environment."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--triton-url", required=True, help="Triton's gRPC address, host:port")
    parser.add_argument("--triton-pid", type=int, required=True)
    parser.add_argument("--shm-prefix", required=True, help="of this Triton's regions, no other's")
    options = parser.parse_args()
    logs.configure("watchdog", "info")
    processes.interrupt_on_sigterm()
    timing = Timing()
    server = psutil.Process(options.triton_pid)
    with TritonAdmin(options.triton_url, os.environ[ADMIN_KEY_VARIABLE]) as admin:
        watchdog = Watchdog(admin, server, options.shm_prefix, timing)
        try:
            watch(watchdog, server, timing.look)
        except KeyboardInterrupt:
            log.info("stopped")
            raise SystemExit(0) from None
    raise SystemExit(1)


if __name__ == "__main__":
    main()
