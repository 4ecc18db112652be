"""What Prometheus sees of a run: the numbers of its log, as they are now."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, start_http_server

_PREFIX = "animegan_training"


class RunMetrics:
    """The gauges of one run. They are gauges because a run that is resumed goes back.

    Args:
        run: its name.
        target_images: that the whole run will see.
        registry: of the metrics; none makes one with the process's own figures beside them.
    """

    def __init__(
        self, run: str, target_images: int, registry: CollectorRegistry | None = None
    ) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._run = run
        self._images = self._gauge("images", "Images that the run has seen.")
        self._last_step = self._gauge("last_step_timestamp_seconds", "Unix time of the last step.")
        self._resolution = self._gauge("resolution_pixels", "Side of the pictures now.")
        self._rate = self._gauge("images_per_second", "Throughput since the log's last line.")
        self._losses = Gauge(
            f"{_PREFIX}_loss",
            "Means since the log's last line: losses, R1, signs of the discriminator.",
            ["run", "loss"],
            registry=self.registry,
        )
        self._quality = Gauge(
            f"{_PREFIX}_quality",
            "FD and coverage of the last snapshot that was measured, with their intervals.",
            ["run", "figure"],
            registry=self.registry,
        )
        self._gauge("target_images", "Images that the run will see.").set(target_images)

    def step(self, images_seen: int, resolution: int) -> None:
        """Take note of a step."""
        self._images.set(images_seen)
        self._resolution.set(resolution)
        self._last_step.set(time.time())

    def line(self, images_per_s: float, means: Mapping[str, float]) -> None:
        """Take note of a line of the log."""
        self._rate.set(images_per_s)
        for name, mean in means.items():
            self._losses.labels(run=self._run, loss=name).set(mean)

    def measured(self, figures: Mapping[str, float]) -> None:
        """Take note of what a snapshot was found to be worth."""
        for name, value in figures.items():
            self._quality.labels(run=self._run, figure=name).set(value)

    def show(self, address: str) -> int:
        """Serve http://`address`/metrics ("host:port") until the process ends; return the port.

        Raises:
            ValueError: this is no address.
            OSError: something else listens there.
        """
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"--metrics-address: {address!r} is not HOST:PORT")
        server, _ = start_http_server(int(port), host, self.registry)
        return int(server.server_port)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        gauge = Gauge(f"{_PREFIX}_{name}", meaning, ["run"], registry=self.registry)
        return gauge.labels(run=self._run)
