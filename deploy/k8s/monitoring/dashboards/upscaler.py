"""The upscaler service and the models that it calls."""

from deploy.k8s.monitoring.dashboards import service, triton
from deploy.k8s.monitoring.dashboards.panels import HERE, Dashboard, Query, Row, graph

_RATE = f"{{{HERE}}}[$__rate_interval]"

PIXELS = Row(
    "Pixels",
    (
        graph(
            "Pixels of answers",
            "short",
            Query(
                f"sum by (method) (rate(animegan_upscaler_output_pixels_total{_RATE}))",
                "{{method}}",
            ),
            about="A second, by method.",
            stacked=True,
        ),
        graph(
            "Pixels of networks",
            "short",
            Query(
                f"sum by (model) (rate(animegan_upscaler_network_pixels_total{_RATE}))",
                "{{model}}",
            ),
            about="A second, with the overlaps of tiles and every pass: what the models really do.",
            stacked=True,
        ),
        graph(
            "Pixels in flight",
            "short",
            Query(
                f"sum by (instance) (animegan_upscaler_pixels_in_flight{{{HERE}}})", "{{instance}}"
            ),
            about="Held in memory by the pictures that are being worked on; bounded by a setting.",
        ),
    ),
)

DASHBOARD = Dashboard(
    "upscaler",
    "anime-gan: upscaler",
    "UpscalerService, from the caller's point of view down to its models.",
    [*service.rows("upscaler"), PIXELS, *triton.model_rows("animegan-triton-upscaler")],
)
