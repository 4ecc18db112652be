"""What to look at first: is everything up, is the budget kept, what fires?"""

from deploy.k8s.monitoring.dashboards.panels import (
    HERE,
    Dashboard,
    Query,
    Row,
    graph,
    number,
    numbers,
)
from deploy.k8s.monitoring.objectives import AVAILABLE

_OURS = f'job=~"animegan-.+", {HERE}'
_BUDGET_DAYS = 3  # the longest window that is recorded


def _calls(window: str) -> str:
    return f"job_method:animegan_calls:rate{window}{{{HERE}}}"


def _failed(window: str) -> str:
    return f"job_method:animegan_calls_failed:ratio_rate{window}{{{HERE}}}"


NOW = numbers(
    "Now",
    number(
        "Available (1 h)",
        "percentunit",
        f"1 - sum({_failed('1h')} * {_calls('1h')}) / sum({_calls('1h')})",
        about="Calls of all services that did not fail. Objective: 99.9 %.",
        limit=AVAILABLE,
        low_is_bad=True,
    ),
    number(
        "Budget left (3 d)",
        "percentunit",
        f"1 - max({_failed('3d')}) / {1 - AVAILABLE:.3g}",
        about="Of the method that is worst, as if its last three days were all 30.",
        limit=0,
        low_is_bad=True,
    ),
    number(
        "Calls",
        "reqps",
        f"sum({_calls('5m')})",
        about="Calls a second of all services, over 5 minutes.",
    ),
    number(
        "Targets down",
        "short",
        f"sum(1 - up{{{_OURS}}})",
        about="Processes that Prometheus cannot scrape.",
        limit=1,
    ),
    number(
        "Alerts",
        "short",
        f'count(ALERTS{{alertname=~"Animegan.+", alertstate="firing", {HERE}}}) or vector(0)',
        about="Alerts that fire now.",
        limit=1,
    ),
)

SERVICES = Row(
    "Services",
    (
        graph(
            "Calls",
            "reqps",
            Query(f"sum by (job) ({_calls('5m')})", "{{job}}"),
            about="Calls a second that end, by service.",
            stacked=True,
        ),
        graph(
            "Failed calls",
            "percentunit",
            Query(
                f"sum by (job) ({_failed('5m')} * {_calls('5m')}) / sum by (job) ({_calls('5m')})",
                "{{job}}",
            ),
            about="By codes that are our failure. The objective is drawn.",
            limit=1 - AVAILABLE,
        ),
        graph(
            "Slow calls",
            "percentunit",
            Query(
                f"job_method:animegan_calls_slow:ratio_rate5m{{{HERE}}} > 0", "{{job}} {{method}}"
            ),
            about="Over the objective of their method. At most 1 % may be.",
            limit=0.01,
        ),
    ),
)

UNDERNEATH = Row(
    "Underneath",
    (
        graph(
            "Ready replicas",
            "short",
            Query(
                f"sum by (job) (animegan_generator_ready{{{HERE}}} or "
                f"animegan_similarity_ready{{{HERE}}} or animegan_upscaler_ready{{{HERE}}})",
                "{{job}}",
            ),
            about="Replicas that answer SERVING.",
        ),
        graph(
            "Queue time of a request",
            "s",
            Query(f"job_model:animegan_triton_queue_seconds:mean2m{{{HERE}}}", "{{job}} {{model}}"),
            about="What the autoscaler follows.",
            limit=0.5,
        ),
        graph(
            "Resident memory",
            "bytes",
            Query(f"sum by (job) (process_resident_memory_bytes{{{_OURS}}})", "{{job}}"),
            about="Of the services. Triton's own is the container's.",
        ),
    ),
)

DASHBOARD = Dashboard(
    "overview",
    "anime-gan: overview",
    "Is everything up, is the error budget kept, what fires?",
    [NOW, SERVICES, UNDERNEATH],
)
