"""The upscaler service and the models that it calls."""

from deploy.k8s.monitoring.dashboards import service, triton
from deploy.k8s.monitoring.dashboards.panels import Dashboard

DASHBOARD = Dashboard(
    "upscaler",
    "anime-gan: upscaler",
    "UpscalerService, from the caller's point of view down to its models.",
    [*service.rows("upscaler"), *triton.model_rows("animegan-triton-upscaler")],
)
