"""All metrics, those that decide first: a new one is a file and a line here."""

from __future__ import annotations

from training.metrics import (
    authenticity,
    copying,
    density_coverage,
    detector,
    frechet,
    kid,
    max_ssim,
    path_length,
    precision_recall,
    views,
)
from training.metrics.material import Metric

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        frechet.FD,
        density_coverage.METRIC,
        kid.METRIC,
        precision_recall.METRIC,
        frechet.FID,
        views.JUDGE,
        *views.REDUCED,
        views.SERVED,
        path_length.IN_Z,
        path_length.IN_W,
        copying.METRIC,
        authenticity.METRIC,
        max_ssim.METRIC,
        detector.METRIC,
    )
}
