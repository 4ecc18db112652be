"""The generator service and the models that it calls."""

from deploy.k8s.monitoring.dashboards import service, triton
from deploy.k8s.monitoring.dashboards.panels import Dashboard

DASHBOARD = Dashboard(
    "generator",
    "anime-gan: generator",
    "GeneratorService, from the caller's point of view down to its models.",
    [*service.rows("generator"), *triton.model_rows("animegan-triton-generator")],
)
