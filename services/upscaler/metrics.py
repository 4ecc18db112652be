"""The metrics of the upscaler service: those of all services, and pixels."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.common.rpc.metrics import Metrics
from services.upscaler.types import Plan


class UpscalerMetrics(Metrics):
    """`animegan_upscaler_...`; `images` counts answers by method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics in `registry`."""
        super().__init__("upscaler", registry)
        self.pixels_in_flight = Gauge(
            "animegan_upscaler_pixels_in_flight",
            "Pixels held in memory by the pictures that are being worked on.",
            registry=registry,
        )
        self.upload_bytes = Gauge(
            "animegan_upscaler_upload_bytes",
            "Bytes of the files that streams send or have sent, until their answers are taken.",
            registry=registry,
        )
        self.output_pixels = Counter(
            "animegan_upscaler_output_pixels",
            "Pixels of answers, by method.",
            ["method"],
            registry=registry,
        )
        self.network_pixels = Counter(
            "animegan_upscaler_network_pixels",
            "Pixels that networks made, with tiles' overlaps and every pass, by model.",
            ["model"],
            registry=registry,
        )

    def count(self, plan: Plan) -> None:
        """Take note of an answer."""
        self.images.labels(model=plan.method).inc()
        self.output_pixels.labels(method=plan.method).inc(plan.width * plan.height)
