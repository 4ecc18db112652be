"""Background processes: known by their start time, waited for, stopped with their children."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from deploy.local import processes
from deploy.local.console import LocalStackError
from deploy.local.processes import PidFile

SLEEPER = [sys.executable, "-c", "import time; print('started', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print('started', flush=True); time.sleep(600)",
]

# As Triton does when it is told to end while it starts: one more child, and it leaves it behind.
LATE_PARENT = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time\n"
    "def end(*_):\n"
    "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "    print('child', child.pid, flush=True); sys.exit()\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "print('started', flush=True); time.sleep(600)",
]


def start(argv: list[str], log: Path) -> psutil.Process:
    process = processes.spawn(argv, os.environ, log)
    processes.wait_for(
        "it", lambda: process, log, lambda: "" if "started" in log.read_text() else "output", 60
    )
    return process


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[psutil.Process]:
    process = start(SLEEPER, tmp_path / "log")
    yield process
    processes.stop_tree(process, 10)


def test_a_pid_file_finds_its_process_again(tmp_path: Path, sleeper: psutil.Process) -> None:
    file = PidFile(tmp_path / "pid")
    assert file.process() is None
    file.write(sleeper)
    assert file.process() == sleeper

    assert file.stop(10)
    assert not processes.alive(sleeper)
    assert file.process() is None
    assert not file.stop(10)


def test_a_reused_pid_is_not_mistaken_and_not_stopped(
    tmp_path: Path, sleeper: psutil.Process
) -> None:
    """After a reboot another program may have the pid."""
    file = PidFile(tmp_path / "pid")
    file.write(sleeper)
    remembered = json.loads(file.path.read_text())
    file.path.write_text(json.dumps({**remembered, "started": remembered["started"] - 1000}))

    assert file.process() is None
    assert not file.stop(10)
    assert processes.alive(sleeper)


def test_a_pid_that_nobody_has_is_a_stale_file(tmp_path: Path) -> None:
    file = PidFile(tmp_path / "pid")
    file.path.write_text(json.dumps({"pid": 2**22 + 1, "started": 0.0}))

    assert file.process() is None


def test_who_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    process = start(STUBBORN, tmp_path / "log")
    [child] = process.children()

    processes.stop_tree(process, grace=0.2)

    assert not processes.alive(process)
    assert not processes.alive(child)


def test_a_child_that_came_after_sigterm_is_killed_too(tmp_path: Path) -> None:
    process = start(LATE_PARENT, tmp_path / "log")

    processes.stop_tree(process, grace=30)

    child = int((tmp_path / "log").read_text().split()[-1])
    with suppress(psutil.NoSuchProcess):
        psutil.Process(child).wait(30)


def test_stopping_does_not_wait_until_a_parent_takes_note(tmp_path: Path) -> None:
    """A container's first process may not look after orphans for seconds, or ever."""
    program = "import subprocess, sys, time; child = subprocess.Popen(sys.argv[1:]); "
    program += "print('started', child.pid, flush=True); time.sleep(600)"
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    parent = start([sys.executable, "-c", program, *sleeper], tmp_path / "log")
    [child] = parent.children()
    patience, began = 60.0, time.monotonic()

    processes.stop_tree(child, patience)

    assert time.monotonic() - began < patience
    assert child.status() == psutil.STATUS_ZOMBIE
    processes.stop_tree(parent, 10)


def test_stopping_one_alone_spares_what_it_spawned(tmp_path: Path) -> None:
    program = "import os, pathlib, sys, time; from deploy.local import processes; "
    program += "processes.spawn(sys.argv[2:], os.environ, pathlib.Path(sys.argv[1])); "
    program += "print('started', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", program, str(tmp_path / "child.log"), *SLEEPER]
    parent = start(command, tmp_path / "log")
    [child] = parent.children()

    processes.stop_tree(parent, 10, alone=True)

    assert not processes.alive(parent)
    assert processes.alive(child)
    processes.stop_tree(child, 10)


def test_signals_wait_for_the_end_of_a_block_and_not_in_children(
    tmp_path: Path,
) -> None:
    done = False
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test's worker ignores it
    try:
        with pytest.raises(KeyboardInterrupt), processes.uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            child = processes.spawn(SLEEPER, os.environ, tmp_path / "log")
            done = True
    finally:
        signal.signal(signal.SIGINT, before)
    assert done
    child.terminate()
    assert child.wait(timeout=30) is not None


def test_waiting_ends_with_the_process_and_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = processes.spawn(
        [sys.executable, "-c", "import sys; sys.exit('no such model')"], os.environ, log
    )
    with pytest.raises(LocalStackError, match=r"it ended while it started(?s:.*)no such model"):
        processes.wait_for("it", lambda: process, log, lambda: "an answer", 60)
    process.wait()


def test_waiting_ends_in_time_and_says_what_is_missing(
    tmp_path: Path, sleeper: psutil.Process
) -> None:
    with pytest.raises(LocalStackError, match=r"not ready after 0\.1 s: an answer"):
        processes.wait_for("it", lambda: sleeper, tmp_path / "log", lambda: "an answer", 0.1)


def test_the_tail_of_a_log_is_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {i}\n" for i in range(100)))

    assert processes.tail(log, lines=2).splitlines()[1:] == ["line 98", "line 99"]


def test_ports_in_use_are_seen_and_free_ones_are_distinct() -> None:
    ports = processes.free_ports(5)
    assert len(set(ports)) == 5
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ports[0]))
        listener.listen()
        assert processes.port_in_use(ports[0])
    assert not processes.port_in_use(ports[0])


def test_the_tree_of_a_process_that_has_ended_is_empty(sleeper: psutil.Process) -> None:
    assert processes.tree(sleeper) == [sleeper]
    sleeper.kill()
    sleeper.wait()
    assert processes.tree(sleeper) == []
