"""The number of threads follows a machine that is busy now and then."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.datasets.store import Dataset
from training.gan.kinds import build_trainer
from training.gan.presets import PRESETS
from training.run import threads
from training.run.journal import LOG, read_log
from training.run.loop import run
from training.run.threads import LONGEST_WINDOW, PATIENCE, WINDOW, Pace, ThreadChoice

# Images per second with 1 and 2 threads, as measured: alone, and beside a process on one core.
FREE, BUSY = {1: 80.0, 2: 162.0}, {1: 80.0, 2: 14.0}


def counts(choice: ThreadChoice, windows: int, rates: dict[int, float]) -> list[int]:
    """The threads of some windows, one after the other."""
    used = []
    for _ in range(windows):
        used.append(choice.count)
        choice.after(rates[choice.count])
    return used


def test_a_free_machine_is_used_whole() -> None:
    used = counts(ThreadChoice(2), 100, FREE)
    assert used[:4] == [2, 1, 2, 2]  # one look at the alternative
    assert used.count(1) == 1


def test_a_machine_that_is_busy_from_the_start_is_noticed() -> None:
    used = counts(ThreadChoice(2), 10, BUSY)
    assert used == [2] + 9 * [1]


def test_a_machine_that_becomes_busy_is_noticed_within_a_window() -> None:
    choice = ThreadChoice(2)
    counts(choice, 20, FREE)
    assert counts(choice, 4, BUSY) == [2, 1, 1, 1]


def test_two_threads_come_back_when_the_machine_is_free() -> None:
    choice = ThreadChoice(2)
    counts(choice, 20, FREE)
    busy = counts(choice, 10 * PATIENCE, BUSY)
    assert busy.count(2) <= 11  # one window in thirty finds out whether it still is
    free = counts(choice, 2 * PATIENCE, FREE)
    assert free.count(1) <= PATIENCE + 1
    assert free[-1] == 2
    assert counts(choice, 3, BUSY) == [2, 1, 1]  # and is on its guard again


def test_a_rate_that_falls_for_another_reason_is_not_tried_again_and_again() -> None:
    choice = ThreadChoice(2)
    counts(choice, 20, FREE)
    slower = {1: 20.0, 2: 40.0}
    assert counts(choice, 50, slower).count(1) == 1


def test_a_small_dip_is_no_reason() -> None:
    choice = ThreadChoice(2)
    counts(choice, 20, FREE)
    assert set(counts(choice, 20, {1: 80.0, 2: 100.0})) == {2}


def test_many_threads_are_halved_as_far_as_that_helps() -> None:
    rates = {16: 10.0, 8: 30.0, 4: 50.0, 2: 40.0, 1: 20.0}
    used = counts(ThreadChoice(16), 8, rates)
    assert used == [16, 8, 4, 2, 4, 4, 4, 4]
    with_others = {12: 10.0, 6: 20.0, 3: 30.0, 1: 25.0}
    choice = ThreadChoice(12)
    assert counts(choice, 6, with_others) == [12, 6, 3, 1, 3, 3]


def test_one_thread_stays_one() -> None:
    assert counts(ThreadChoice(1), 100, {1: 80.0}) == 100 * [1]


class Machine:
    """A clock that steps move, by the rate of as many threads as were set."""

    def __init__(self) -> None:
        self.rates, self.threads, self.now = FREE, 2, 0.0

    def run(self, pace: Pace, until: Callable[[], bool], work: int = 64) -> float:
        """Steps of 16 images; the seconds that they took."""
        began = self.now
        while not until():
            self.now += 16 / self.rates[self.threads]
            pace.step(16, work)
        return self.now - began


@pytest.fixture
def machine() -> Machine:
    return Machine()


def start(machine: Machine) -> Pace:
    def set_threads(count: int) -> None:
        machine.threads = count

    return Pace(2, 16, lambda: machine.now, set_threads)


def test_a_run_is_nearly_as_fast_as_with_one_thread_beside_a_busy_core(machine: Machine) -> None:
    pace = start(machine)
    machine.run(pace, lambda: machine.now > 100)
    machine.rates = BUSY
    busy_from = machine.now
    machine.run(pace, lambda: machine.threads == 1)
    assert machine.now - busy_from < 4 * WINDOW
    assert pace.remark == "1 of 2 threads: the machine is busy"
    machine.rates = FREE
    machine.run(pace, lambda: machine.threads == 2 and machine.now > 3_000)
    assert pace.remark == ""


def test_a_machine_that_nearly_stands_still_is_noticed_soon(machine: Machine) -> None:
    machine.rates = {1: 7.7, 2: 0.9}  # a cycle of 16 steps would take five minutes
    pace = start(machine)
    assert machine.run(pace, lambda: machine.threads == 1) < 2 * LONGEST_WINDOW
    assert machine.run(pace, lambda: machine.threads == 2) > (PATIENCE - 1) * WINDOW


def test_a_new_resolution_is_not_taken_for_a_busy_machine(machine: Machine) -> None:
    pace = start(machine)
    machine.run(pace, lambda: machine.now > 100, work=16)
    machine.rates = {count: rate / 4 for count, rate in FREE.items()}
    changed = machine.now
    machine.run(pace, lambda: machine.threads == 1, work=32)  # one look at the alternative ...
    machine.run(pace, lambda: machine.threads == 2, work=32)
    assert machine.now - changed < 6 * WINDOW
    assert machine.run(pace, lambda: machine.threads == 1 or machine.now > 9_000, work=32) > 8_000


def test_a_new_resolution_is_judged_anew(machine: Machine) -> None:
    pace = start(machine)
    machine.run(pace, lambda: machine.now > 100, work=16)
    machine.rates = {1: 150.0, 2: 100.0}  # not far below the best of before, and yet the slower
    machine.run(pace, lambda: machine.now > 200, work=32)
    assert machine.threads == 1


def test_pauses_are_not_measured(machine: Machine) -> None:
    pace = start(machine)
    machine.run(pace, lambda: machine.now > 100)
    for _ in range(20):
        machine.now += 600  # a snapshot is written and measured
        pace.pause()
        end = machine.now + 3 * WINDOW
        machine.run(pace, lambda end=end: machine.now > end)
        assert machine.threads == 2


def test_a_run_beside_a_busy_process_tries_both_and_ends(
    squares: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "WINDOW", 0.0)
    used, given = [], torch.get_num_threads()

    def set_threads(count: int) -> None:
        used.append(count)
        torch.set_num_threads(count)

    pace = Pace(2, 1, set_threads=set_threads)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        set_threads(2)
        options = PRESETS["stylegan-16-tiny"]
        assert (
            run(build_trainer(options, squares, torch.device("cpu")), tmp_path / "run", pace=pace)
            == 0
        )
    finally:
        busy.kill()
        busy.wait()
        torch.set_num_threads(given)
    assert set(used) == {1, 2}
    assert pace.choice.count == used[-1]
    log = read_log(tmp_path / "run" / LOG)
    assert log[-1]["images"] == options.total_images
