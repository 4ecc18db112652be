"""Dashboards and runbooks: every query parses, and asks for metrics and labels that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.k8s.checks.subject import Finding, Subject
from deploy.k8s.monitoring.reference import mistakes, series

RUNBOOKS = Path("docs") / "operations" / "runbooks"

# As runbooks/README.md defines it: q 'query'.
_ASKED = re.compile(r"\bq '([^']+)'")


def check(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the queries that people see or copy."""
    folder = subject.k8s / "monitoring"
    known = series(folder)
    for file in sorted((folder / "generated" / "dashboards").glob("*.json")):
        for title, query in queries(json.loads(file.read_text())):
            for mistake in mistakes(query, known):
                yield Finding(str(file.relative_to(subject.project)), f"{title}: {mistake}")
    for page, query in runbook_queries(subject.project):
        for mistake in mistakes(query, known):
            yield Finding(str(RUNBOOKS / page), f"{query}: {mistake}")


def runbook_queries(project: Path) -> Iterator[tuple[str, str]]:
    """Every query that the runbooks tell to ask, with the name of its page."""
    for file in sorted((project / RUNBOOKS).glob("*.md")):
        for query in _ASKED.findall(file.read_text()):
            yield file.name, query


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every query of a dashboard, with the title of its panel."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
