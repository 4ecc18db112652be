"""Triton and its models."""

from deploy.k8s.monitoring.dashboards.panels import HERE, Dashboard, Query, Row, graph

_RATE = "$__rate_interval"


def model_rows(job: str) -> list[Row]:
    """Rows about the models of the Tritons that are scraped as `job`, a regular expression."""
    # A Triton of one machine serves all workloads, as the job animegan-triton.
    here = f'job=~"{job}|animegan-triton", {HERE}'
    return [_requests(here), _times(here)]


def _requests(here: str) -> Row:
    return Row(
        "Models: requests",
        (
            graph(
                "Answered",
                "reqps",
                Query(
                    "sum by (model, version) "
                    f"(rate(nv_inference_request_success{{{here}}}[{_RATE}]))",
                    "{{model}} {{version}}",
                ),
                about="Requests a second, by version: a rollout shows as one curve giving way.",
                stacked=True,
            ),
            graph(
                "Failed",
                "reqps",
                Query(
                    "sum by (model, reason) "
                    f"(rate(nv_inference_request_failure{{{here}}}[{_RATE}])) > 0",
                    "{{model}} {{reason}}",
                ),
                about="BACKEND: a model process died or the model is broken; REJECTED: the queue "
                "is full; CANCELED: callers left.",
                stacked=True,
            ),
            graph(
                "Images a batch",
                "short",
                Query(
                    f"sum by (model) (rate(nv_inference_count{{{here}}}[{_RATE}])) "
                    f"/ sum by (model) (rate(nv_inference_exec_count{{{here}}}[{_RATE}]))",
                    "{{model}}",
                ),
                about="How much Triton's batching joins.",
            ),
        ),
    )


def _times(here: str) -> Row:
    per_request = (
        "sum by (model) (rate(nv_inference_{0}_duration_us{{{1}}}[{2}])) / 1e6 "
        "/ sum by (model) (rate(nv_inference_request_success{{{1}}}[{2}]))"
    )
    return Row(
        "Models: time of a request",
        (
            graph(
                "In the queue",
                "s",
                Query(per_request.format("queue", here, _RATE), "{{model}}"),
                about="What the autoscaler follows. Over 0.5 s: AnimeganTritonQueueGrowing.",
                limit=0.5,
            ),
            graph(
                "In the network",
                "s",
                Query(per_request.format("compute_infer", here, _RATE), "{{model}}"),
                about="Mean time that a request's batch takes.",
            ),
            graph(
                "Waiting",
                "short",
                Query(
                    f"sum by (model) (nv_inference_pending_request_count{{{here}}})", "{{model}}"
                ),
                about="Requests that wait at this moment.",
            ),
        ),
    )


HARDWARE = Row(
    "Hardware",
    (
        graph(
            "GPU use",
            "percentunit",
            Query(f"nv_gpu_utilization{{{HERE}}}", "{{instance}} {{gpu_uuid}}"),
            about="Of each GPU; no curve without GPUs.",
        ),
        graph(
            "GPU memory",
            "percentunit",
            Query(
                f"nv_gpu_memory_used_bytes{{{HERE}}} / nv_gpu_memory_total_bytes{{{HERE}}}",
                "{{instance}} {{gpu_uuid}}",
            ),
            about="Of each GPU; no curve without GPUs.",
            limit=0.95,
        ),
        graph(
            "CPU of the host",
            "percentunit",
            Query(f"nv_cpu_utilization{{{HERE}}}", "{{instance}}"),
            about="As Triton sees it: of the whole machine.",
        ),
    ),
)

DASHBOARD = Dashboard(
    "triton",
    "anime-gan: Triton",
    "All models of all Tritons, and the hardware under them.",
    [*model_rows("animegan-triton-.+"), HARDWARE],
)
