"""All metrics: a new one is a file and a line here."""

from __future__ import annotations

from training.metrics.features import EXTRACTOR
from training.metrics.frechet import frechet_distance
from training.metrics.kid import kid_x1000
from training.metrics.score import Metric

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("kid_x1000", f"KID x1000 ({EXTRACTOR})", kid_x1000),
        Metric("fd", f"FD ({EXTRACTOR})", frechet_distance),
    )
}
