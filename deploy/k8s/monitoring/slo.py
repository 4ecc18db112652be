"""Recording rules and burn-rate alerts of the objectives: rules/slo.yml."""

from collections.abc import Iterable
from typing import Any

from deploy.k8s.monitoring.objectives import (
    AVAILABLE,
    FAST,
    FEWEST_BAD_CALLS,
    IN_TIME,
    OBJECTIVES,
    SLOW,
    Burn,
    Objective,
)
from services.common.metrics import FAILURE_CODES

Rule = dict[str, Any]

SECONDS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}
# Long windows move slowly: looking at them less often costs Prometheus less.
_INTERVALS = {
    "5m": "30s",
    "30m": "30s",
    "1h": "30s",
    "2h": "1m",
    "6h": "1m",
    "1d": "2m",
    "3d": "2m",
}
_FAILURES = 'code=~"' + "|".join(FAILURE_CODES) + '"'

_CALLS = "job_method:animegan_calls:rate"
_FAILED = "job_method:animegan_calls_failed:ratio_rate"
_SLOW = "job_method:animegan_calls_slow:ratio_rate"


def groups() -> list[dict[str, Any]]:
    """Every group of rules/slo.yml."""
    recording = [
        {"name": f"animegan-slo-{window}", "interval": _INTERVALS[window], "rules": _rules(window)}
        for window in SECONDS
    ]
    alerts = [
        _alert("Availability", _FAILED, 1 - AVAILABLE, fast=True),
        _alert("Availability", _FAILED, 1 - AVAILABLE, fast=False),
        _alert("Latency", _SLOW, 1 - IN_TIME, fast=True),
        _alert("Latency", _SLOW, 1 - IN_TIME, fast=False),
    ]
    return [*recording, {"name": "animegan-slo-alerts", "interval": "30s", "rules": alerts}]


def _rules(window: str) -> list[Rule]:
    """The records of one window; later ones of a group use earlier ones."""
    services = sorted({objective.service for objective in OBJECTIVES})
    calls = [_rate(f"{service}_requests_total", "", window) for service in services]
    failed = [_rate(f"{service}_requests_total", _FAILURES, window) for service in services]
    slow = [_slow(objective, window) for objective in OBJECTIVES]
    return [
        {"record": f"{_CALLS}{window}", "expr": _any_of(calls)},
        {"record": f"{_FAILED}{window}", "expr": f"(\n{_any_of(failed)}\n) / {_CALLS}{window}"},
        {"record": f"{_SLOW}{window}", "expr": _any_of(slow)},
    ]


def _slow(objective: Objective, window: str) -> str:
    """The share of the calls that took longer than the objective."""
    histogram = f"{objective.service}_{objective.counts}_seconds"
    method = f'method="{objective.method}"'
    in_time = _rate(f"{histogram}_bucket", f'{method}, le="{objective.seconds}"', window)
    return f"1 - {in_time} / {_rate(f'{histogram}_count', method, window)}"


def _any_of(expressions: Iterable[str]) -> str:
    return "\nor\n".join(expressions)


def _rate(metric: str, matchers: str, window: str) -> str:
    braces = f"{{{matchers}}}" if matchers else ""
    return f"sum by (namespace, job, method) (rate(animegan_{metric}{braces}[{window}]))"


def _alert(kind: str, ratio: str, budget: float, *, fast: bool) -> Rule:
    burns, severity = (FAST, "critical") if fast else (SLOW, "warning")
    name = f"Animegan{kind}Burn{'Fast' if fast else 'Slow'}"
    what = "fail" if ratio == _FAILED else "take longer than the objective"
    return {
        "alert": name,
        "expr": _any_of(_burns(ratio, budget, burn) for burn in burns),
        "labels": {"severity": severity},
        "annotations": {
            "summary": f"Too many calls of {{{{ $labels.job }}}} {{{{ $labels.method }}}} {what}.",
            "description": (
                "{{ $value | humanizePercentage }} of the calls of {{ $labels.method }} of "
                f"{{{{ $labels.job }}}} in namespace {{{{ $labels.namespace }}}} {what}; "
                f"{100 * budget:g} % of them may over 30 days."
            ),
            "runbook_url": f"docs/operations/runbooks/{name}.md",
        },
    }


def _burns(ratio: str, budget: float, burn: Burn) -> str:
    limit = f"{burn.factor:g} * {budget:.2g}"
    bad = f"{ratio}{burn.long} * {_CALLS}{burn.long} * {SECONDS[burn.long]}"
    return (
        f"({ratio}{burn.long} > {limit} and {ratio}{burn.short} > {limit} "
        f"and {bad} >= {FEWEST_BAD_CALLS})"
    )
