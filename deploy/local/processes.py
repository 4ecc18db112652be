"""Background processes: start them, know them again, stop them with all their children."""

import json
import os
import shutil
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local.console import LocalStackError

_POLL_SECONDS = 0.05
_END_POLL_SECONDS = 0.01


def free_ports(count: int) -> list[int]:
    """Return distinct TCP ports of the loopback interface that nobody listens on right now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def port_in_use(port: int) -> bool:
    """Tell whether a loopback port cannot be bound."""
    with socket.socket() as sock:
        # Like servers do: a connection that still lingers from the last run is no obstacle.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def listens(port: int) -> bool:
    """Whether somebody accepts connections at a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def spawn(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, *, die_with_us: bool = False
) -> psutil.Process:
    """Start a program in a session of its own, its output appended to `log`.

    With `die_with_us` the kernel sends it SIGTERM when the thread that called this ends, however
    it ends (needs util-linux' setpriv; without it only an orderly stop ends the program).
    """
    program = shutil.which(argv[0], path=environment.get("PATH")) or argv[0]
    command = [program, *argv[1:]]
    if die_with_us and (setpriv := shutil.which("setpriv")):
        command = [setpriv, "--pdeathsig", "TERM", *command]
    log.parent.mkdir(parents=True, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,  # a Ctrl-C in the terminal is for the command, not for what it started
    )
    return psutil.Process(pid)


def alive(process: psutil.Process) -> bool:
    """Tell whether this very process, not another one with its pid, still runs.

    One that has ended but for a thread still does: it may hold ports.
    """
    try:
        ended = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
        return process.is_running() and not ended
    except psutil.NoSuchProcess:
        return False


def wait_for(
    name: str,
    process: Callable[[], psutil.Process | None],
    log: Path,
    missing: Callable[[], str],
    timeout: float,
) -> None:
    """Poll until a process that was just started misses nothing any more.

    Args:
        name: what to call it in the error.
        process: returns the process; the wait is over when it has ended or there is none.
        log: its log; the error shows the end of it.
        missing: returns what it still lacks; "" when it is ready.
        timeout: in seconds.

    Raises:
        LocalStackError: it ended, or is not ready in time.
    """
    deadline = time.monotonic() + timeout
    while lack := missing():
        running = process()
        if running is None or not alive(running):
            raise LocalStackError(f"{name} ended while it started.\n{tail(log)}")
        if time.monotonic() > deadline:
            raise LocalStackError(f"{name} is not ready after {timeout:g} s: {lack}\n{tail(log)}")
        time.sleep(_POLL_SECONDS)


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log file, with its path."""
    if not log.is_file():
        return f"(no log at {log})"
    with log.open(errors="replace") as file:
        return f"--- end of {log}\n" + "".join(deque(file, maxlen=lines)).rstrip()


def tree(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all that it started, as far as they still run."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def stop_tree(process: psutil.Process, grace: float, *, alone: bool = False) -> None:
    """Send SIGTERM, wait up to `grace` seconds, then kill it and every child that is left.

    With `alone` what it spawned lives on.
    """
    family = [process] if alone else tree(process)
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return
    _wait_for_end([process], grace)
    for member in family:
        if alive(member):
            member.kill()
    # What it started after we looked. `spawn` made it the leader of a group: no stranger is in it.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _wait_for_end(family, grace)


def _wait_for_end(family: Sequence[psutil.Process], timeout: float) -> None:
    """Wait until none runs, but no longer than `timeout` seconds.

    Not until their parents have taken note, as psutil does: in a container that can take seconds.
    """
    deadline = time.monotonic() + timeout
    while any(alive(member) for member in family) and time.monotonic() < deadline:
        time.sleep(_END_POLL_SECONDS)
    for member in family:
        with suppress(psutil.TimeoutExpired):
            member.wait(timeout=0)  # of a child that has ended, nothing stays in the process table


@dataclass(frozen=True)
class PidFile:
    """Remembers a process between commands: its pid, and its start time against a reused pid."""

    path: Path

    def write(self, process: psutil.Process) -> None:
        """Remember this process."""
        staged = self.path.with_suffix(".new")
        staged.write_text(json.dumps({"pid": process.pid, "started": process.create_time()}))
        staged.rename(self.path)

    def process(self) -> psutil.Process | None:
        """Return the remembered process if it still runs."""
        try:
            remembered = json.loads(self.path.read_text())
            process = psutil.Process(remembered["pid"])
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None
        same = abs(process.create_time() - remembered["started"]) < 0.01
        if not same:
            return None
        if alive(process):
            return process
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=0)  # of a child that has ended, nothing stays in the process table
        return None

    def stop(self, grace: float, *, alone: bool = False) -> bool:
        """Stop the remembered process, if it runs, and forget it; tell whether it ran.

        With `alone` what it spawned lives on.
        """
        process = self.process()
        if process:
            stop_tree(process, grace, alone=alone)
        self.path.unlink(missing_ok=True)
        return process is not None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the end of a block.

    Not by a mask: other threads, those of NumPy for example, would take the signal meanwhile.
    """
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # they interrupt the main one only
        yield
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: arrived.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for arrival in arrived:
        signal.raise_signal(arrival)


def interrupt_on_sigterm() -> None:
    """Make SIGTERM end this command as Ctrl-C does, so that it cleans up behind itself."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
