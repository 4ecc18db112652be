"""`python -m deploy.local`: up, status and down of the whole stack, and what may go wrong."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from animegan_client import AnimeganError, GeneratorClient
from deploy.local import processes
from deploy.local.components import components
from deploy.local.runtime import PROJECT
from deploy.local.stack import Stack
from deploy.local.state import STATE_FILE, StackSettings
from tests.integration.local.polling import until
from tests.integration.similarity.material import MODELS, write_repository

PARTS = ("triton", "generator", "supervisor")
UP_SECONDS = 150.0
MARK = "STACK_OF_A_TEST"  # in the environment of all that a stack starts


@dataclass(frozen=True)
class Cli:
    """The command line with a state directory and ports of the test's own."""

    settings: StackSettings
    state_dir: Path

    def __call__(self, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.local", verb, f"--state-dir={self.state_dir}"]
        return subprocess.run(
            [*command, *more],
            capture_output=True,
            text=True,
            timeout=UP_SECONDS,
            check=False,
            env=os.environ | {MARK: str(self.state_dir)},
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        ports = [
            f"--{name.replace('_', '-')}={getattr(self.settings, name)}"
            for name in StackSettings.ports()
        ]
        return self("up", f"--models={self.settings.model_repository}", *ports)

    def pids(self) -> dict[str, int | None]:
        return {part.name: part.pid for part in Stack(self.state_dir).status()}

    def running(self) -> list[str]:
        """The stack's processes by their commands, whoever remembers them."""
        names = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            environment = process.info["environ"] or {}
            if environment.get(MARK) == str(self.state_dir) and processes.alive(process):
                command = " ".join(process.info["cmdline"])
                names += [part for part in PARTS if re.search(rf"[./]{part}(server)? ", command)]
        return names

    def kill(self, *parts: str) -> dict[str, int | None]:
        """Kill these parts; return the process ids of all as they were before."""
        before = self.pids()
        for part in parts:
            psutil.Process(before[part]).kill()
        return before

    def comes_back(self, before: dict[str, int | None], *parts: str) -> None:
        """Wait until these parts are other processes than before, and all serves."""
        for part in parts:
            until(lambda part=part: self.pids()[part] not in (None, before[part]))
        until(lambda: self("status").returncode == 0)

    def generates(self) -> bool:
        """Whether faces can be had; while models are away the service says so with an error."""
        with GeneratorClient(f"127.0.0.1:{self.settings.generator_port}") as client:
            try:
                return len(client.generate(count=3).images) == 3
            except AnimeganError:
                return False


def stop_supervisor(cli: Cli) -> None:
    """As `down` does first."""
    state = Stack(cli.state_dir).state()
    assert state
    *_, supervisor = components(state, cli.state_dir)
    supervisor.stop()


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
    """One that nobody supervises any more, and its supervisor."""
    before = cli.kill("supervisor", "generator")
    until(lambda: cli.pids()["generator"] is None)
    status = cli("status")
    assert status.returncode == 1
    for part in ("supervisor", "generator"):
        assert re.search(rf"^{part} +not running", status.stdout, re.MULTILINE)
    assert re.search(r"^triton +ready", status.stdout, re.MULTILINE)

    models = f"--models={cli.settings.model_repository}"
    assert cli("up", models, "--free-ports").returncode == 0  # those that it has
    after = cli.pids()
    assert after["triton"] == before["triton"]
    assert after["generator"] not in (None, before["generator"])
    assert cli.generates()
    cli.comes_back(cli.kill("generator"), "generator")


@pytest.mark.parametrize(
    "killed", [("triton",), ("generator",), ("triton", "generator")], ids="+".join
)
def test_what_was_killed_comes_back_by_itself(cli: Cli, killed: tuple[str, ...]) -> None:
    before = cli.kill(*killed)
    cli.comes_back(before, *killed)
    assert cli.generates()
    after = cli.pids()
    assert all(after[part] == before[part] for part in PARTS if part not in killed)


def test_what_is_killed_while_it_restarts_comes_back(cli: Cli) -> None:
    for _ in range(3):
        before = cli.kill("triton")
        until(lambda before=before: cli.pids()["triton"] not in (None, before["triton"]))
    until(lambda: cli("status").returncode == 0)
    told = cli("status").stdout
    assert re.search(r"^triton +ready +\d+ +\d+ MB +[3-9]", told, re.MULTILINE)
    assert re.search(
        r"^triton was started again \d times, .*: it was ended by SIGKILL$", told, re.M
    )


def test_what_cannot_be_started_again_is_told_with_the_reason(cli: Cli) -> None:
    supervisor = psutil.Process(cli.pids()["supervisor"])
    port = cli.settings.generator_port
    supervisor.suspend()  # until somebody else has the port
    before = cli.kill("generator")
    until(lambda: not processes.port_in_use(port))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        supervisor.resume()
        reason = f"generator cannot be started, and is tried again: Port {port}, which"
        until(lambda: reason in cli("status").stdout)
        assert cli("status").returncode == 1
    cli.comes_back(before, "generator")
    assert "cannot be started" not in cli("status").stdout


def test_restarted_parts_are_not_the_supervisors(cli: Cli) -> None:
    """Neither its memory, nor stopped with it: calls in flight would be lost."""

    def supervisor_mb() -> float:
        (supervisor,) = [s for s in Stack(cli.state_dir).status() if s.name == "supervisor"]
        return supervisor.memory_mb

    until(lambda: supervisor_mb() > 30)  # it is at work
    alone_mb = supervisor_mb()
    cli.comes_back(cli.kill("triton", "generator"), "triton", "generator")
    assert supervisor_mb() < alone_mb + 20  # Triton and the service have 70 between them

    before = cli.pids()
    stop_supervisor(cli)
    assert cli.pids() == {**before, "supervisor": None}


def test_up_starts_nothing_twice(cli: Cli) -> None:
    """The supervisor and two callers of `up` find something dead at once."""
    for _ in range(3):
        cli.kill("generator", "triton")
        with ThreadPoolExecutor() as threads:
            ups = [threads.submit(cli.up) for _ in range(2)]
        assert [up.result().returncode for up in ups] == [0, 0], ups[0].result().stderr
        assert sorted(cli.running()) == sorted(PARTS)


def test_a_supervisor_ends_with_the_state_of_its_stack(cli: Cli) -> None:
    """It must not bring back what somebody cleared away by hand."""
    supervisor = psutil.Process(cli.pids()["supervisor"])
    state = cli.state_dir / STATE_FILE
    kept = state.read_bytes()
    state.unlink()
    until(lambda: not processes.alive(supervisor))
    state.write_bytes(kept)


def test_load_reports_what_triton_says(cli: Cli) -> None:
    good = cli("load", "stylegan")
    assert good.returncode == 0, good.stderr
    bad = cli("load", "nobody")

    assert bad.returncode == 1
    assert "Triton cannot load nobody: " in bad.stderr


def test_up_after_everything_was_killed(cli: Cli) -> None:
    """Pid files of the dead are no obstacle."""
    family = [psutil.Process(pid) for pid in cli.pids().values()]
    for member in reversed(family):  # the supervisor first, or it would start the others again
        member.kill()
    until(lambda: not any(processes.alive(member) for member in family))
    assert cli("status").returncode == 1

    assert cli.up().returncode == 0
    assert cli.generates()


def test_down_stops_all_of_it(cli: Cli) -> None:
    family = [psutil.Process(pid) for pid in cli.pids().values()]
    assert len(family) == len(PARTS)

    down = cli("down")
    assert (down.returncode, down.stderr) == (0, "stopped\n")
    assert not any(processes.alive(member) for member in family)
    assert cli("status").returncode == 1
    assert cli("down").stderr == "nothing was running\n"


def test_down_while_parts_restart_leaves_nothing(fresh: Cli) -> None:
    for pause in (0.0, 0.3, 0.6):
        assert fresh.up().returncode == 0
        fresh.kill("generator", "triton")
        time.sleep(pause)
        assert fresh("down").stderr == "stopped\n"
        assert fresh.running() == []


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
    assert "--models" in up.stderr


def test_it_can_be_started_from_any_folder(
    fresh: Cli, model_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the search models, and from a folder that knows nothing of our packages."""
    shutil.copytree(model_repository, tmp_path / "models")
    write_repository(tmp_path / "models")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT), str(PROJECT / "protos")]))
    settings = replace(fresh.settings, model_repository=Path("..") / "models")
    stack = Cli(settings, fresh.state_dir)

    up = stack.up()
    assert up.returncode == 0, up.stderr
    for model in MODELS:
        assert re.search(rf"^{model} +ready", up.stdout, re.MULTILINE)
    stack.comes_back(stack.kill("triton", "generator"), "triton", "generator")
    assert stack.generates()


def test_an_interrupted_up_leaves_nothing(fresh: Cli) -> None:
    """Interrupted while Triton loads its models.

    By SIGTERM, which the command takes for Ctrl-C: background jobs inherit an ignored SIGINT.
    """
    command = [sys.executable, "-m", "deploy.local", "up", f"--state-dir={fresh.state_dir}"]
    command += [f"--models={fresh.settings.model_repository}", "--free-ports"]
    marked = os.environ | {MARK: str(fresh.state_dir)}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=marked) as up:
        until(lambda: fresh.pids().get("triton"))
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=UP_SECONDS) == 130

    assert fresh.running() == []
