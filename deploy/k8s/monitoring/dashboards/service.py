"""The rows that the dashboards of all gRPC services share: rate, errors, duration, saturation."""

from deploy.k8s.monitoring.dashboards.panels import HERE, Query, Row, graph, number, numbers
from deploy.k8s.monitoring.objectives import AVAILABLE, OBJECTIVES

_RATE = "$__rate_interval"


def rows(service: str) -> list[Row]:
    """Rows about the service `service`."""
    prefix = f"animegan_{service}"
    job = f'job="animegan-{service}", {HERE}'
    return [
        _now(prefix, job),
        _calls(prefix, job),
        _durations(service, prefix),
        _work(prefix),
        _processes(job),
    ]


def _now(prefix: str, job: str) -> Row:
    failed = f"job_method:animegan_calls_failed:ratio_rate1h{{{job}}}"
    slow = f"job_method:animegan_calls_slow:ratio_rate1h{{{job}}}"
    calls = f"job_method:animegan_calls:rate1h{{{job}}}"
    return numbers(
        "Now",
        number(
            "Available (1 h)",
            "percentunit",
            f"1 - sum({failed} * {calls}) / sum({calls})",
            about="Calls that did not fail, of all calls within an hour. Objective: 99.9 %.",
            limit=AVAILABLE,
            low_is_bad=True,
        ),
        number(
            "Slow (1 h)",
            "percentunit",
            f"max({slow})",
            about="Calls over their objective, of the method that is worst. Objective: 1 %.",
            limit=0.01,
        ),
        number(
            "Calls",
            "reqps",
            f"sum(rate({prefix}_requests_total{{{HERE}}}[{_RATE}]))",
            about="Calls a second that end.",
        ),
        number(
            "Ready replicas",
            "short",
            f"sum({prefix}_ready{{{HERE}}})",
            about="Replicas that answer SERVING to health checks.",
            limit=1,
            low_is_bad=True,
        ),
        number(
            "Images in flight",
            "short",
            f"sum({prefix}_in_flight{{{HERE}}})",
            about="Images that are being worked on, in all replicas.",
        ),
    )


def _calls(prefix: str, job: str) -> Row:
    return Row(
        "Calls",
        (
            graph(
                "Calls by method",
                "reqps",
                Query(
                    f"sum by (method) (rate({prefix}_requests_total{{{HERE}}}[{_RATE}]))",
                    "{{method}}",
                ),
                about="Calls a second that end, whatever their code.",
                stacked=True,
            ),
            graph(
                "Calls that are not OK",
                "reqps",
                Query(
                    f"sum by (method, code) (rate({prefix}_requests_total"
                    f'{{code!="OK", {HERE}}}[{_RATE}])) > 0',
                    "{{method}} {{code}}",
                ),
                about="INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED and CANCELLED are the callers' "
                "doing; the rest is ours and counts against availability.",
                stacked=True,
            ),
            graph(
                "Error budget burnt",
                "short",
                Query(
                    f"job_method:animegan_calls_failed:ratio_rate1h{{{job}}} / {1 - AVAILABLE:.3g}",
                    "{{method}}, 1 h",
                ),
                Query(
                    f"job_method:animegan_calls_failed:ratio_rate6h{{{job}}} / {1 - AVAILABLE:.3g}",
                    "{{method}}, 6 h",
                ),
                about="1 uses the budget of 30 days up in 30 days. 14.4 over an hour pages.",
                limit=1,
            ),
        ),
    )


def _durations(service: str, prefix: str) -> Row:
    kinds = {objective.counts for objective in OBJECTIVES if objective.service == service}
    titles = {"request": "Duration of calls", "first_answer": "First answer of streams"}
    panels = [
        graph(
            f"{titles[kind]}, p{percent}",
            "s",
            Query(
                f"histogram_quantile({percent / 100}, sum by (method, le) "
                f"(rate({prefix}_{kind}_seconds_bucket{{{HERE}}}[{_RATE}])))",
                "{{method}}",
            ),
            about=_objectives(service, kind),
        )
        for kind in sorted(kinds, reverse=True)
        for percent in (50, 99)
    ]
    return Row("Durations", panels)


def _objectives(service: str, kind: str) -> str:
    told = (
        f"{objective.method} {objective.seconds:g} s"
        for objective in OBJECTIVES
        if (objective.service, objective.counts) == (service, kind)
    )
    return f"Objectives at p99: {', '.join(told)}."


def _work(prefix: str) -> Row:
    return Row(
        "Work",
        (
            graph(
                "Stages, p95",
                "s",
                Query(
                    "histogram_quantile(0.95, sum by (stage, le) "
                    f"(rate({prefix}_stage_seconds_bucket{{{HERE}}}[{_RATE}])))",
                    "{{stage}}",
                ),
                about="Where the time of a call goes.",
            ),
            graph(
                "Images",
                "short",
                Query(
                    f"sum by (model) (rate({prefix}_images_total{{{HERE}}}[{_RATE}]))", "{{model}}"
                ),
                about="Images a second, by model or by index.",
                stacked=True,
            ),
            graph(
                "Refused calls",
                "percentunit",
                Query(
                    "job_reason:animegan_calls_rejected:ratio_rate5m"
                    f'{{job="{prefix.replace("_", "-")}", {HERE}}}',
                    "{{reason}}",
                ),
                about="Refused before any work was done, of all calls.",
                limit=0.05,
            ),
            graph(
                "Canaries that fail",
                "reqps",
                Query(
                    "sum by (instance) (rate("
                    f'{prefix}_canaries_total{{outcome="failure", {HERE}}}[{_RATE}]))',
                    "{{instance}}",
                ),
                about="Canary inferences that Triton did not answer, by replica. Good: none.",
            ),
        ),
    )


def _processes(job: str) -> Row:
    return Row(
        "Processes",
        (
            graph(
                "CPU",
                "percentunit",
                Query(
                    f"sum by (instance) (rate(process_cpu_seconds_total{{{job}}}[{_RATE}]))",
                    "{{instance}}",
                ),
                about="Of one core. One Python process uses little more than one.",
            ),
            graph(
                "Resident memory",
                "bytes",
                Query(f"process_resident_memory_bytes{{{job}}}", "{{instance}}"),
                about="Grows with the images in flight, and falls again.",
            ),
            graph(
                "Open files",
                "percentunit",
                Query(f"process_open_fds{{{job}}} / process_max_fds{{{job}}}", "{{instance}}"),
                about="Connections, mostly; of the limit.",
            ),
        ),
    )
