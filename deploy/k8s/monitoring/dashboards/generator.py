"""The generator service and the models that it calls."""

from deploy.k8s.monitoring.dashboards import service, triton
from deploy.k8s.monitoring.dashboards.panels import HERE, Dashboard, Query, Row, graph

_SECONDS = "animegan_generator_version_seconds"
_FAILURES = f"animegan_generator_version_failures_total{{{HERE}}}[$__rate_interval]"
_EACH = "sum by (model, version)"

VERSIONS = Row(
    "Versions",
    (
        graph(
            "Inferences",
            "reqps",
            Query(
                f"{_EACH} (rate({_SECONDS}_count{{{HERE}}}[$__rate_interval]))",
                "{{model}} {{version}}",
            ),
            about="Sub-batches a second: how the traffic is shared by a version and its candidate.",
            stacked=True,
        ),
        graph(
            "Inference, p95",
            "s",
            Query(
                "histogram_quantile(0.95, sum by (model, version, le) "
                f"(rate({_SECONDS}_bucket{{{HERE}}}[$__rate_interval])))",
                "{{model}} {{version}}",
            ),
            about="A candidate should be no slower than the version that it is to replace.",
        ),
        graph(
            "Failures",
            "reqps",
            Query(f"{_EACH} (rate({_FAILURES}))", "{{model}} {{version}}"),
            about="Over 1 % of a version's inferences: AnimeganModelVersionFailing.",
        ),
    ),
)

DASHBOARD = Dashboard(
    "generator",
    "anime-gan: generator",
    "GeneratorService, from the caller's point of view down to its models.",
    [*service.rows("generator"), VERSIONS, *triton.model_rows("animegan-triton-generator")],
)
