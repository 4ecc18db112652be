"""Prometheus' own verdict: promtool reads every file of rules, and runs every file of tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from deploy.k8s.checks.subject import Finding, Subject, program
from deploy.k8s.monitoring.files import rule_files

_SECONDS = 120


def check(subject: Subject) -> Iterator[Finding]:
    """What promtool complains of."""
    folder = subject.k8s / "monitoring"
    promtool = program("promtool", "apt-get install prometheus")
    files = [("check", file) for file in rule_files(folder)]
    files += [("test", file) for file in sorted((folder / "tests").glob("*.yml"))]
    with ThreadPoolExecutor(2) as threads:
        verdicts = threads.map(
            lambda verb, file: _run([promtool, verb, "rules", str(file)]), *zip(*files, strict=True)
        )
        for (_, file), verdict in zip(files, verdicts, strict=True):
            if verdict:
                yield subject.finding(file, verdict)


def _run(command: Sequence[str]) -> str:
    """What promtool complains of; "" if nothing."""
    result = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    return "" if result.returncode == 0 else (result.stdout + result.stderr).strip()
