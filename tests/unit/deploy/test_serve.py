"""The script that starts Triton in a pod, run as it is; what it starts tells how."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from deploy.local.runtime import PROJECT

SCRIPT = PROJECT / "deploy" / "images" / "serve.sh"

# Takes Triton's place: it has no file system of its own to be tried in.
TRITON = """\
#!/bin/sh
echo "shards=${ANIMEGAN_SHARDS-none}"
for argument in "$@"; do echo "argument=$argument"; done
if [ "${WAIT:-}" ]; then exec sleep 60; fi
exit 3
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What runs the script in a pod's place, with the stand-in first on PATH."""
    triton = tmp_path / "tritonserver"
    triton.write_text(TRITON)
    triton.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return [str(SCRIPT)]


def serve(
    command: list[str], *arguments: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script; return what became of it, and what Triton was told."""
    done = subprocess.run(
        [*command, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, done.stdout.splitlines()


@pytest.mark.parametrize(("pods", "parts"), [(1, 1), (4, 2), (3, 3), (12, 3)])
def test_every_part_is_served_by_as_many_pods(command: list[str], pods: int, parts: int) -> None:
    served = []
    for pod in range(pods):
        _, told = serve(command, POD_INDEX=str(pod), PARTS=str(parts))
        place, count = map(int, told[0].removeprefix("shards=").split("/"))
        served.append([shard for shard in range(parts) if shard % count == place])
    assert served == [[pod % parts] for pod in range(pods)]


def test_a_pod_of_a_deployment_serves_no_part(command: list[str]) -> None:
    done, told = serve(command, "--model-repository=/models/a b", "--exit-on-error=false")
    assert told == [
        "shards=none",
        "argument=--model-repository=/models/a b",
        "argument=--exit-on-error=false",
    ]
    assert done.returncode == 3  # Triton's


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PARTS": "2"}, "POD_INDEX: is not set"),
        ({"PARTS": "2", "POD_INDEX": ""}, "POD_INDEX: is not set"),
        ({"PARTS": "0", "POD_INDEX": "1"}, "division by zero"),
    ],
)
def test_a_pod_that_knows_no_part_starts_nothing(
    command: list[str], environment: dict[str, str], message: str
) -> None:
    done, told = serve(command, **environment)
    assert done.returncode != 0
    assert message in done.stderr
    assert told == []


def test_triton_is_the_process_that_kubernetes_stops(command: list[str]) -> None:
    environment = os.environ | {"WAIT": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "shards=none\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM
