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
from services.common.rpc.metrics import FAILURE_CODES

Rule = dict[str, Any]

SECONDS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}
_SHORTEST = "5m"
_FAILURES = 'code=~"' + "|".join(FAILURE_CODES) + '"'

_CALLS = "job_method:animegan_calls:rate"
_FAILED = "job_method:animegan_calls_failed:"
_SLOW = "job_method:animegan_calls_slow:"


def groups() -> list[dict[str, Any]]:
    """Every group of rules/slo.yml."""
    windows = [rule for window in SECONDS for rule in _ratios(window)]
    alerts = [
        _alert("Availability", _FAILED, 1 - AVAILABLE, fast=True),
        _alert("Availability", _FAILED, 1 - AVAILABLE, fast=False),
        _alert("Latency", _SLOW, 1 - IN_TIME, fast=True),
        _alert("Latency", _SLOW, 1 - IN_TIME, fast=False),
    ]
    # One group, evaluated in order: alerts see the records of their own time.
    return [{"name": "animegan-slo", "interval": "30s", "rules": [*_rates(), *windows, *alerts]}]


def _rates() -> list[Rule]:
    """Calls a second, and those that fail or are slow, over the shortest window."""
    services = sorted({objective.service for objective in OBJECTIVES})
    calls = [_rate(f"{service}_requests_total", "") for service in services]
    failed = [_rate(f"{service}_requests_total", _FAILURES) for service in services]
    slow = [_slow(objective) for objective in OBJECTIVES]
    return [
        {"record": f"{_CALLS}{_SHORTEST}", "expr": _any_of(calls)},
        {"record": f"{_FAILED}rate{_SHORTEST}", "expr": _any_of(failed)},
        {"record": f"{_SLOW}rate{_SHORTEST}", "expr": _any_of(slow)},
    ]


def _ratios(window: str) -> list[Rule]:
    """Shares of the calls of a window; none where there were no calls: a NaN would spoil sums.

    Long windows are means of the shortest one: days of a few recorded series cost Prometheus
    little, days of the counters of every pod much.
    """

    def mean(record: str) -> str:
        return record if window == _SHORTEST else f"avg_over_time({record}[{window}])"

    calls = f"{_CALLS}{_SHORTEST}"
    ratios = [
        {
            "record": f"{kind}ratio_rate{window}",
            "expr": f"{mean(f'{kind}rate{_SHORTEST}')} / ({mean(calls)} > 0)",
        }
        for kind in (_FAILED, _SLOW)
    ]
    longer = [] if window == _SHORTEST else [{"record": f"{_CALLS}{window}", "expr": mean(calls)}]
    return [*longer, *ratios]


def _slow(objective: Objective) -> str:
    """Calls a second that took longer than the objective."""
    histogram = f"{objective.service}_{objective.counts}_seconds"
    method = f'method="{objective.method}"'
    in_time = _rate(f"{histogram}_bucket", f'{method}, le="{objective.seconds}"')
    return f"{_rate(f'{histogram}_count', method)} - {in_time}"


def _rate(metric: str, matchers: str) -> str:
    braces = f"{{{matchers}}}" if matchers else ""
    return f"sum by (namespace, job, method) (rate(animegan_{metric}{braces}[{_SHORTEST}]))"


def _any_of(expressions: Iterable[str]) -> str:
    return "\nor\n".join(expressions)


def _alert(promise: str, bad: str, budget: float, *, fast: bool) -> Rule:
    burns, severity = (FAST, "critical") if fast else (SLOW, "warning")
    name = f"Animegan{promise}Burn{'Fast' if fast else 'Slow'}"
    what = "fail" if bad == _FAILED else "take longer than the objective"
    return {
        "alert": name,
        "expr": _any_of(_burns(bad, budget, burn) for burn in burns),
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


def _burns(kind: str, budget: float, burn: Burn) -> str:
    limit = f"{burn.factor:g} * {budget:.2g}"
    long, short = f"{kind}ratio_rate{burn.long}", f"{kind}ratio_rate{burn.short}"
    bad = f"{long} * {_CALLS}{burn.long} * {SECONDS[burn.long]}"
    return f"({long} > {limit} and {short} > {limit} and {bad} >= {FEWEST_BAD_CALLS})"
