"""Keep a local stack running: a process of its own, which starts a part again when

- it has ended, whoever or whatever ended it; or
- it hangs (liveness.py).

One that keeps ending is started again at growing intervals. `up` starts all parts itself, because
it tells what they lack; the supervisor finds them by their pid files. Nobody supervises the
supervisor but `up`, which starts it again, and `status`, which says that it is away: another
process of 40 MB that watches one which does next to nothing would help against little.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psutil
import structlog

from deploy.local import monitoring, processes
from deploy.local.components import SUPERVISOR, TRITON, Component, components
from deploy.local.console import LocalStackError
from deploy.local.liveness import Canaries, CanaryTiming, HealthChecks, Liveness, NotAsked, Probes
from deploy.local.state import STATE_FILE, StackState, free_for_us
from deploy.triton_admin import TritonAdmin
from services.common.rpc import logs

_UNKNOWN_END = "it has ended"  # a command of the stack was its parent, and knows how

log = structlog.get_logger()


@dataclass(frozen=True)
class Timing:
    """How often the supervisor looks and how long it waits, in seconds."""

    look: float = 0.5  # between two looks at a process
    first_pause: float = 1.0  # between two starts; doubled from one to the next
    longest_pause: float = 30.0
    well: float = 60.0  # who has run so long is started again at once; more than the longest pause
    grace: float = 10.0  # for one that hangs, from SIGTERM to SIGKILL


class Watch:
    """Keeps one part running. `look` does everything that is due."""

    def __init__(
        self,
        part: Component,
        liveness: Liveness,
        timing: Timing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`liveness` is that of this part; `clock` tells seconds."""
        self._part = part
        self._liveness = liveness
        self._timing = timing
        self._clock = clock
        self._process: psutil.Process | None = None  # the one that was there at the last look
        self._reason = _UNKNOWN_END
        self._began = clock()
        self._pause = 0.0
        self._next_start = 0.0
        self._busy = threading.Lock()  # while it starts a process

    def run(self) -> NoReturn:
        """Look for ever, in a thread of its own: asking one that hangs takes seconds."""
        while True:
            pause = self._timing.look
            try:
                self.look()
            except Exception:  # whatever it is, the part must not be left without supervision
                log.exception(f"could not look after {self._part.name}")
                pause = self._timing.longest_pause
            time.sleep(pause)

    def look(self) -> None:
        """Look once, and start the part again if it has ended or hangs."""
        if self._process and not processes.alive(self._process):
            self._reason = _how_it_ended(self._process)  # told only once: the pid file would ask
            self._process = None
        process = self._part.process()
        if process is None:
            self._start_again(None, self._reason)
        elif process != self._process:
            self._watch(process)
        elif reason := self._liveness.hung():
            self._start_again(process, reason)

    def close(self) -> None:
        """Return once no process is being started, and let none be started any more."""
        self._busy.acquire()

    def _watch(self, process: psutil.Process) -> None:
        """Watch a process that is new: a command of the stack, or we, have started it."""
        self._process, self._reason, self._began = process, _UNKNOWN_END, self._clock()
        self._liveness.began()

    def _start_again(self, process: psutil.Process | None, reason: str) -> None:
        """Start the part again if it is time to, and no command of the stack is at work."""
        now = self._clock()
        if now < self._next_start:
            return
        with self._busy, free_for_us(self._part.folder) as free:
            if not free or self._part.process() != process:
                return
            if now - self._began >= self._timing.well:
                self._pause = 0.0
            self._pause = min(
                max(self._timing.first_pause, 2 * self._pause), self._timing.longest_pause
            )
            self._began, self._next_start = now, now + self._pause
            restarts = self._part.restarts()
            try:
                self._part.stop(self._timing.grace)
                started = self._part.start()
            except (LocalStackError, OSError) as error:
                fault = str(error)
                log.error(
                    f"{self._part.name} cannot be started", reason=fault, again_in_s=self._pause
                )
                self._part.remember(restarts.failed(fault))
                return
            self._watch(started)  # at once: it may end before the next look
            restarts = restarts.succeeded(reason)
            log.error(f"restarted {self._part.name}", reason=reason, restarts=restarts.count)
            self._part.remember(restarts)


def _how_it_ended(process: psutil.Process) -> str:
    """Why a process is not there any more, as far as the kernel tells us: it does of children."""
    code = None
    with suppress(psutil.TimeoutExpired):
        code = process.wait(timeout=0)
    if code is None:
        return _UNKNOWN_END
    if code < 0:
        known = -code in list(signal.Signals)  # not the real-time ones
        return f"it was ended by {signal.Signals(-code).name if known else f'signal {-code}'}"
    return f"it ended with exit code {code}"


def _liveness(part: Component, admin: TritonAdmin, probes: Probes) -> Liveness:
    if part.name == TRITON:
        return Canaries(admin, CanaryTiming())
    return HealthChecks(part.health, probes) if part.health else NotAsked()


def main() -> NoReturn:
    """Run as `python -m deploy.local.supervisor`, until SIGTERM or until the stack is no more."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="of the stack")
    folder = parser.parse_args().state_dir
    state = StackState.read(folder / STATE_FILE)
    if state is None:
        parser.error(f"there is no stack in {folder}")
    logs.configure("supervisor", "info")
    processes.interrupt_on_sigterm()
    timing, probes = Timing(), Probes.of_services()
    admin = TritonAdmin(state.triton.grpc_url, state.admin_key)
    watches = [
        Watch(part, _liveness(part, admin, probes), timing)
        for part in [*components(state, folder), *monitoring.parts(folder)]
        if part.name != SUPERVISOR
    ]
    for watch in watches:
        threading.Thread(target=watch.run, daemon=True).start()
    # Without its folder, or with another stack in it, every part would look dead.
    with suppress(KeyboardInterrupt):
        while StackState.read(folder / STATE_FILE) == state:
            time.sleep(timing.look)
    for watch in watches:
        watch.close()
    log.info("stopped")
    sys.stdout.flush()
    os._exit(0)  # threads may wait for an answer, seconds long; nothing else is open


if __name__ == "__main__":
    main()
