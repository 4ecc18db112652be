"""Alertmanager's routes: amtool's own check, and who is told of what."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.k8s.checks.subject import Finding, Subject, program
from deploy.k8s.monitoring.files import ALERTMANAGER, Tree, read, rules

_SECONDS = 30
_ALERTNAME = re.compile(r'alertname=(~?)"(.*)"')


def check(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the routes."""
    folder = subject.k8s / "monitoring"
    where = f"deploy/k8s/monitoring/{ALERTMANAGER}"
    problems = [*_accepted(folder / ALERTMANAGER), *_told(folder), *_inhibited(folder)]
    yield from (Finding(where, problem) for problem in problems)


def _accepted(file: Path) -> Iterator[str]:
    result = _amtool("check-config", str(file))
    if result.returncode != 0:
        yield (result.stdout + result.stderr).strip()


def _told(folder: Path) -> Iterator[str]:
    """Cases of routes-tests.yml that end elsewhere, and critical alerts that page nobody."""
    for case in yaml.load((folder / "routes-tests.yml").read_text(), yaml.CSafeLoader):
        reached = _receivers(folder, case["labels"])
        if reached != case["receivers"]:
            yield f"{case['labels']} reaches {reached}, not {case['receivers']}"
    severe = {
        tuple(sorted(rule["labels"].items()))
        for _, rule in rules(folder)
        if rule.get("labels", {}).get("severity") == "critical"
    }
    for labels in sorted(severe):
        if "pager" not in _receivers(folder, dict(labels)):
            yield f"critical alerts with {dict(labels)} page nobody"


def _inhibited(folder: Path) -> Iterator[str]:
    """Inhibitions that name alerts which do not exist."""
    names = {rule["alert"] for _, rule in rules(folder) if "alert" in rule}
    for inhibition in read(folder / ALERTMANAGER)["inhibit_rules"]:
        for matcher in _matchers(inhibition):
            pattern = matcher[2] if matcher[1] else re.escape(matcher[2])
            if not any(re.fullmatch(pattern, name) for name in names):
                yield f"an inhibition matches no alert: {matcher[0]}"


def _matchers(inhibition: Tree) -> Iterator[re.Match[str]]:
    for matcher in inhibition["source_matchers"] + inhibition["target_matchers"]:
        if match := _ALERTNAME.fullmatch(matcher):
            yield match


def _receivers(folder: Path, labels: Mapping[str, Any]) -> Sequence[str]:
    """The receivers of an alert with these labels, in the order of the routes."""
    asked = [f"{name}={value}" for name, value in labels.items()]
    file = f"--config.file={folder / ALERTMANAGER}"
    told = _amtool("config", "routes", "test", file, *asked)
    return told.stdout.strip().split(",")


def _amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    amtool = program("amtool", "apt-get install prometheus-alertmanager")
    return subprocess.run(  # noqa: S603
        [amtool, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
