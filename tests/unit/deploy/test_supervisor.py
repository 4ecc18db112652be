"""What the supervisor does with one part: when it starts it again, and what it tells."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from deploy.local import processes
from deploy.local.components import Component
from deploy.local.liveness import HealthChecks, NotAsked, Probe, Probes
from deploy.local.state import Restarts, free_for_us, locked
from deploy.local.supervisor import Timing, Watch
from tests.integration.local.polling import until

ENDING = ["sh", "-c", "exit 3"]
LASTING = [sys.executable, "-c", "import time; time.sleep(600)"]
TIMING = Timing()


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Callable[..., Component]]:
    """Makes a part of a command."""
    made: list[Component] = []

    def make(argv: list[str], *ports: int) -> Component:
        part = Component(
            name="part",
            folder=tmp_path,
            command=lambda: (argv, dict(os.environ)),
            ports=ports,
            addresses=(),
            missing=lambda: "",
            stop_seconds=10.0,
        )
        made.append(part)
        return part

    with locked(tmp_path):  # as `up` does first
        pass
    yield make
    for one in made:
        one.stop()


def children() -> set[psutil.Process]:
    """Of this process: those of other tests, too."""
    return set(psutil.Process().children())


def looks(watch: Watch, part: Component, clock: Clock, seconds: float) -> list[float]:
    """Look twice a second for so long; return when the part was started, from now."""
    began, started, count, others = clock.now, [], part.restarts().count, children()
    while clock.now < began + seconds:
        watch.look()
        if part.restarts().count > count:
            count += 1
            started.append(clock.now - began)
            until(
                lambda: (
                    part.command()[0] == LASTING
                    or not any(map(processes.alive, children() - others))
                )
            )
        clock.now += TIMING.look
    return started


def test_a_part_that_keeps_ending_is_started_at_growing_intervals(part, clock):
    ending = part(ENDING)
    watch = Watch(ending, NotAsked(), TIMING, clock)
    assert looks(watch, ending, clock, 125) == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert ending.restarts().reason == "it ended with exit code 3"


def test_a_part_that_has_run_well_is_started_again_at_once(part, clock):
    lasting = part(LASTING)
    watch = Watch(lasting, NotAsked(), TIMING, clock)

    def ended_after(seconds: float) -> list[float]:
        process = lasting.process()
        assert process
        assert looks(watch, lasting, clock, seconds) == []
        process.kill()
        until(lambda: not processes.alive(process))
        return looks(watch, lasting, clock, 10)

    assert looks(watch, lasting, clock, 1) == [0]
    for _ in range(4):  # the pause is more than it runs
        clock.now += 1
        ended_after(1)
    (late,) = ended_after(1)
    assert late > TIMING.first_pause
    assert ended_after(TIMING.well) == [0]


def test_the_last_end_is_told_as_far_as_it_is_known(part, clock):
    lasting = part(LASTING)
    watch = Watch(lasting, NotAsked(), TIMING, clock)
    with capture_logs() as events:
        for _ in range(2):
            looks(watch, lasting, clock, 100)
            process = lasting.process()
            assert process
            process.kill()
            until(lambda process=process: not processes.alive(process))
        looks(watch, lasting, clock, 1)
    told = [(e["event"], e["reason"], e["restarts"]) for e in events]
    # Who started it first is not known here.
    assert told == [
        ("restarted part", "it has ended", 1),
        ("restarted part", "it was ended by SIGKILL", 2),
        ("restarted part", "it was ended by SIGKILL", 3),
    ]
    assert lasting.restarts().reason == "it was ended by SIGKILL"


def test_a_part_whose_port_is_taken_is_tried_until_it_is_free(part, clock):
    (port,) = processes.free_ports(1)
    lasting = part(LASTING, port)
    watch = Watch(lasting, NotAsked(), TIMING, clock)
    with socket.socket() as other, capture_logs() as events:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert looks(watch, lasting, clock, 10) == []
    assert [event["again_in_s"] for event in events] == [1, 2, 4, 8]
    assert {event["event"] for event in events} == {"part cannot be started"}
    assert f"Port {port}, which part needs, is in use" in lasting.restarts().fault

    assert len(looks(watch, lasting, clock, 10)) == 1
    assert lasting.process()
    assert not lasting.restarts().fault


def test_nothing_is_started_while_a_command_is_at_work(part, clock):
    lasting = part(LASTING)
    watch = Watch(lasting, NotAsked(), TIMING, clock)
    with locked(lasting.folder):
        assert looks(watch, lasting, clock, 5) == []
    with free_for_us(lasting.folder) as free, free_for_us(lasting.folder) as too:
        assert (free, too) == (True, True)
    assert looks(watch, lasting, clock, 5) == [0]


def test_restarts_are_remembered(tmp_path):
    file = tmp_path / "part.restarts"
    assert Restarts.read(file) == Restarts()
    fared = Restarts().succeeded("it has ended").failed("its port is taken")
    fared.write(file)
    assert Restarts.read(file) == fared
    assert (fared.count, fared.reason, fared.fault) == (1, "it has ended", "its port is taken")
    assert fared.succeeded("it has ended").fault == ""


def test_services_are_asked_what_kubernetes_asks():
    assert Probes.of_services() == Probes(
        startup=Probe("liveness", period=1, timeout=1, failures=60),
        liveness=Probe("liveness", period=10, timeout=5, failures=3),
    )


def test_a_service_that_never_answers_hangs_after_all_failures():
    (port,) = processes.free_ports(1)
    probe = Probe("liveness", period=0, timeout=0.1, failures=3)
    checks = HealthChecks(f"127.0.0.1:{port}", Probes(probe, probe))
    assert [bool(checks.hung()) for _ in range(3)] == [False, False, True]
    checks.began()
    assert not checks.hung()
