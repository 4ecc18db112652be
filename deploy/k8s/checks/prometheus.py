"""Rules, alerts and autoscalers' queries: what an operator at night would miss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.k8s.checks.policies.autoscaling import ADAPTER, LABEL_MATCHERS, adapter_queries
from deploy.k8s.checks.subject import Finding, Subject
from deploy.k8s.monitoring import __main__ as generated
from deploy.k8s.monitoring.files import read, rules
from deploy.k8s.monitoring.reference import mistakes, series

_TEXTS = ("summary", "description", "runbook_url")
_SEVERITIES = ("critical", "warning")
_SOME_PODS = 'namespace="anime-gan",job="animegan-triton-generator"'


def check(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the rules, or with what was made of them."""
    folder = subject.k8s / "monitoring"
    for file in generated.stale(folder):
        yield subject.finding(file, "is stale: run `python -m deploy.k8s.monitoring`")
    tested, known = _tested(folder), series(folder)
    for name, query in adapter_queries(subject.project).items():
        for mistake in mistakes(query.replace(LABEL_MATCHERS, _SOME_PODS), known):
            yield subject.finding(subject.project / ADAPTER, f"{name}: {mistake}")
    for file, rule in rules(folder):
        name = rule.get("alert") or rule["record"]
        for mistake in mistakes(rule["expr"], known):
            yield subject.finding(file, f"{name}: {mistake}")
        if "alert" in rule:
            for mistake in _alert(subject.project, rule, tested.get(name, [])):
                yield subject.finding(file, f"{name}: {mistake}")


def _tested(folder: Path) -> Mapping[str, list[bool]]:
    """Of every alert, in the order of time, whether its tests expect that it fires."""
    found: dict[str, list[bool]] = {}
    for file in sorted((folder / "tests").glob("*.yml")):
        for test in read(file)["tests"]:
            for case in test["alert_rule_test"]:
                found.setdefault(case["alertname"], []).append(bool(case["exp_alerts"]))
    return found


def _alert(project: Path, rule: Mapping[str, Any], tested: Sequence[bool]) -> Iterator[str]:
    """What an operator at three in the morning would miss."""
    annotations = rule.get("annotations", {})
    for text in _TEXTS:
        if not annotations.get(text):
            yield f"has no {text}"
    if rule.get("labels", {}).get("severity") not in _SEVERITIES:
        yield f"has no severity of {', '.join(_SEVERITIES)}"
    page = f"docs/operations/runbooks/{rule['alert']}.md"
    if annotations.get("runbook_url") != page or not (project / page).is_file():
        yield f"needs the runbook {page}, and runbook_url must name it"
    fires = "".join("1" if fired else "0" for fired in tested)
    if "010" not in fires:
        yield "is not tested before it fires, while it does, and after it is over, in this order"
