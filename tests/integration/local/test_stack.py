"""`python -m deploy.local`: up, status and down of the whole stack, and what may go wrong."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from animegan_client import AnimeganError, Client
from deploy.local import processes
from deploy.local.stack import Stack
from deploy.local.state import StackSettings
from tests.integration.local.polling import until

PARTS = ("triton", "generator", "watchdog")
UP_SECONDS = 150.0


@dataclass(frozen=True)
class Cli:
    """The command line with a state directory and ports of the test's own."""

    settings: StackSettings
    state_dir: Path

    def __call__(self, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.local", verb, f"--state-dir={self.state_dir}"]
        return subprocess.run(
            [*command, *more], capture_output=True, text=True, timeout=UP_SECONDS, check=False
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        ports = [
            f"--{name.replace('_', '-')}={getattr(self.settings, name)}"
            for name in StackSettings.ports()
        ]
        return self("up", f"--models={self.settings.model_repository}", *ports)

    def pids(self) -> dict[str, int | None]:
        return {part.name: part.pid for part in Stack(self.state_dir).status()}

    def generates(self) -> bool:
        """Whether faces can be had; while models are away the service says so with an error."""
        with Client(f"127.0.0.1:{self.settings.generator_port}") as client:
            try:
                return len(client.generate(count=3).images) == 3
            except AnimeganError:
                return False


@pytest.fixture(scope="module")
def shared(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """One stack for the tests below: starting it is what takes their time."""
    settings = StackSettings(model_repository).on_free_ports()
    command = Cli(settings, tmp_path_factory.mktemp("stack"))
    yield command
    command("down")


@pytest.fixture
def cli(shared: Cli) -> Cli:
    """A stack that serves, whatever the test before did to it."""
    up = shared.up()
    assert up.returncode == 0, up.stderr
    return shared


@pytest.fixture
def fresh(model_repository: Path, tmp_path: Path) -> Iterator[Cli]:
    """A stack that was never started."""
    command = Cli(StackSettings(model_repository).on_free_ports(), tmp_path / "run")
    yield command
    command("down")


def test_status_tells_what_runs(cli: Cli) -> None:
    assert cli.generates()
    status = cli("status")

    assert status.returncode == 0
    for part in PARTS:
        assert re.search(rf"^{part} +ready +\d+ +\d+ MB", status.stdout, re.MULTILINE)
    assert re.search(r"^stylegan_noisy +ready +1$", status.stdout, re.MULTILINE)
    assert f"gRPC 127.0.0.1:{cli.settings.generator_port}" in status.stdout


def test_up_twice_changes_nothing(cli: Cli) -> None:
    before = cli.pids()

    assert cli.up().returncode == 0
    assert cli.pids() == before


def test_other_settings_are_refused_while_a_stack_runs(cli: Cli) -> None:
    other = Cli(cli.settings.on_free_ports(), cli.state_dir).up()

    assert other.returncode == 1
    assert "another triton_http_port, " in other.stderr
    assert f"python -m deploy.local down --state-dir={cli.state_dir}`" in other.stderr
    assert cli("status").returncode == 0


def test_a_dead_part_shows_and_up_starts_it_again(cli: Cli) -> None:
    before = cli.pids()
    psutil.Process(before["generator"]).kill()
    until(lambda: cli.pids()["generator"] is None)
    status = cli("status")
    assert status.returncode == 1
    assert re.search(r"^generator +not running", status.stdout, re.MULTILINE)
    assert re.search(r"^triton +ready", status.stdout, re.MULTILINE)

    models = f"--models={cli.settings.model_repository}"
    assert cli("up", models, "--free-ports").returncode == 0  # those that it has
    after = cli.pids()
    assert after["triton"] == before["triton"]
    assert after["generator"] not in (None, before["generator"])
    assert cli.generates()


def test_the_watchdog_starts_a_killed_triton_again(cli: Cli) -> None:
    before = cli.pids()
    psutil.Process(before["triton"]).kill()

    until(lambda: cli.pids()["triton"] not in (None, before["triton"]))
    until(lambda: cli("status").returncode == 0)
    assert cli.generates()
    assert cli.pids()["generator"] == before["generator"]


def test_load_reports_what_triton_says(cli: Cli) -> None:
    good = cli("load", "stylegan")
    assert good.returncode == 0, good.stderr
    bad = cli("load", "nobody")

    assert bad.returncode == 1
    assert "Triton cannot load nobody: " in bad.stderr


def test_up_after_everything_was_killed(cli: Cli) -> None:
    """Pid files of the dead are no obstacle."""
    family = [psutil.Process(pid) for pid in cli.pids().values()]
    for member in reversed(family):  # the watchdog first, or it would start Triton again
        member.kill()
    until(lambda: not any(processes.alive(member) for member in family))
    assert cli("status").returncode == 1

    assert cli.up().returncode == 0
    assert cli.generates()


def test_down_stops_all_of_it(cli: Cli) -> None:
    family = [psutil.Process(pid) for pid in cli.pids().values()]
    assert len(family) == len(PARTS)
    assert not any(member.children() for member in family)

    down = cli("down")
    assert (down.returncode, down.stderr) == (0, "stopped\n")
    assert not any(processes.alive(member) for member in family)
    assert cli("status").returncode == 1
    assert cli("down").stderr == "nothing was running\n"


def test_a_taken_port_is_named_with_the_remedy(fresh: Cli) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", fresh.settings.generator_port))
        other.listen()
        up = fresh.up()

    assert up.returncode == 1
    assert f"Port {fresh.settings.generator_port}, which generator needs, is in use" in up.stderr
    assert "--help" in up.stderr
    assert not fresh.pids(), "what was started before is stopped again"


def test_missing_models_are_named_with_the_remedy(tmp_path: Path) -> None:
    up = Cli(StackSettings(tmp_path / "nothing"), tmp_path / "run").up()

    assert up.returncode == 1
    assert f"There are no models in {tmp_path / 'nothing'}" in up.stderr
    assert "make export" in up.stderr


def test_an_interrupted_up_leaves_nothing(fresh: Cli) -> None:
    """Interrupted while Triton loads its models.

    By SIGTERM, which the command takes for Ctrl-C: background jobs inherit an ignored SIGINT.
    """
    command = [sys.executable, "-m", "deploy.local", "up", f"--state-dir={fresh.state_dir}"]
    command += [f"--models={fresh.settings.model_repository}", "--free-ports"]
    marked = os.environ | {"STACK_OF_A_TEST": str(fresh.state_dir)}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=marked) as up:
        until(lambda: fresh.pids().get("triton"))
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=UP_SECONDS) == 130

    environments = [p.info["environ"] or {} for p in psutil.process_iter(["environ"])]
    assert str(fresh.state_dir) not in {env.get("STACK_OF_A_TEST") for env in environments}
