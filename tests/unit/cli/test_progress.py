"""Progress on stderr: a bar in a terminal, few whole lines anywhere else."""

import io
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from animegan_cli import progress
from animegan_cli.progress import ProgressBar


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock))
    return clock


def work(clock: Clock, file: io.StringIO, *, steps: int, seconds: float) -> list[str]:
    """The lines that some steps leave behind, each of which takes so many seconds."""
    for _ in ProgressBar(range(steps), desc="work", file=file, mininterval=0):
        clock.now += seconds
    return file.getvalue().splitlines()


def test_short_work_says_nothing_without_a_terminal(clock: Clock) -> None:
    assert work(clock, io.StringIO(), steps=90, seconds=0.1) == []


def test_long_work_writes_a_line_each_ten_seconds_and_one_at_its_end(clock: Clock) -> None:
    lines = work(clock, io.StringIO(), steps=450, seconds=0.1)
    assert [line.split("|")[0] for line in lines] == [
        "work:  22%", "work:  44%", "work:  67%", "work:  89%", "work: 100%",
    ]  # fmt: skip
    assert not any("\r" in line for line in lines)


def test_hours_of_work_do_not_fill_a_log(clock: Clock) -> None:
    lines = work(clock, io.StringIO(), steps=36_000, seconds=1)
    assert 600 <= len(lines) <= 660, "one a minute"


def test_other_output_and_labels_cause_no_lines(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressBar(total=100) as bar:
        for _ in range(100):
            bar.set_postfix_str("label")
            ProgressBar.write("other output")
            bar.update()
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out == "other output\n" * 100


def test_a_bar_that_is_disabled_says_nothing(clock: Clock) -> None:
    file = io.StringIO()
    for _ in ProgressBar(range(100), file=file, disable=True):
        clock.now += 1
    assert file.getvalue() == ""


def test_a_terminal_gets_a_bar(clock: Clock) -> None:
    shown = work(clock, terminal := Terminal(), steps=3, seconds=1)
    assert "\r" in terminal.getvalue()
    assert "3/3" in shown[-1]


def test_a_pipe_gets_no_carriage_return() -> None:
    """A process of its own, with hundreds of steps and bars within bars."""
    program = """
import time
from animegan_cli import progress
from animegan_cli.progress import ProgressBar
progress._LEAST_SECONDS = 0.05
for _ in ProgressBar(range(20), desc="outer"):
    for _ in ProgressBar(range(50), desc="inner", mininterval=0):
        time.sleep(0.0005)
"""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    most = 25 + (time.monotonic() - begun) / 0.05
    lines = done.stderr.splitlines()
    assert "\r" not in done.stderr
    assert lines[-1].startswith("outer: 100%")
    assert 3 <= len(lines) < most
    assert all(line.startswith(("outer: ", "inner: ")) for line in lines)
