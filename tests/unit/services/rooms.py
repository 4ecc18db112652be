"""Room that is admitted to, as tests see it."""

from prometheus_client import CollectorRegistry

from services.common.rpc.admission import Admission
from services.common.rpc.metrics import Metrics


class Room:
    """An admission, and what of it is taken."""

    def __init__(self, limit: int = 10**9, **options) -> None:
        self._registry = CollectorRegistry()
        metrics = Metrics("test", self._registry)
        self.admission = Admission(limit, retry_after_s=0.5, metrics=metrics, **options)

    @property
    def taken(self) -> float | None:
        return self._registry.get_sample_value("animegan_test_in_flight")
