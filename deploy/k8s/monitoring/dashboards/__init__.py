"""Grafana's dashboards as code: an overview, one page for each service, Triton, training."""

from collections.abc import Mapping

from deploy.k8s.monitoring.dashboards import (
    generator,
    overview,
    similarity,
    training,
    triton,
    upscaler,
)
from deploy.k8s.monitoring.dashboards.drawing import drawn

ALL = (
    overview.DASHBOARD,
    generator.DASHBOARD,
    upscaler.DASHBOARD,
    similarity.DASHBOARD,
    triton.DASHBOARD,
    training.DASHBOARD,
)


def dashboards() -> Mapping[str, str]:
    """The JSON of every dashboard, by the name of its file."""
    return {board.uid: drawn(board) for board in ALL}
