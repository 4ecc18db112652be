"""The metrics of the similarity service: those of all services, and how near pictures come."""

from collections.abc import Callable, Collection, Iterator, Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.common.rpc.metrics import Metrics
from services.similarity.indexes import Index

# New faces find their nearest image at about 0.3 to 0.5; copies lie near 1.
_SSIM_BUCKETS = (0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 0.95, 0.99, 1)

# Callers name the models: more names than these would be a way to fill our memory.
_MAX_MODELS = 32
_UNNAMED, _OTHER = "unnamed", "other"


class SimilarityMetrics(Metrics):
    """`animegan_similarity_...`; `images` counts queries by index."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics in `registry`."""
        super().__init__("similarity", registry)
        self._models: set[str] = set()
        self.picture_bytes = Gauge(
            "animegan_similarity_picture_bytes",
            "Bytes of the pictures that streams have sent, until they are searched for.",
            registry=registry,
        )
        self._best_ssim = Histogram(
            "animegan_similarity_best_ssim",
            "SSIM of a query to its nearest image, by the model that made it.",
            ["model", "index"],
            buckets=_SSIM_BUCKETS,
            registry=registry,
        )

    def observe_best(self, model: str, index: str, ssim: float) -> None:
        """Take note of how near a picture came; `model` is what its caller says made it."""
        self._best_ssim.labels(model=self._label(model), index=index).observe(ssim)

    def _label(self, model: str) -> str:
        if not model:
            return _UNNAMED
        if len(self._models) < _MAX_MODELS:
            self._models.add(model)
        return model if model in self._models else _OTHER


class IndexCollector(Collector):
    """What of each index is served, read when Prometheus asks: no scrape sees half a change."""

    def __init__(self, known: Callable[[], tuple[Mapping[str, Index], Collection[str]]]) -> None:
        """`known` returns the indexes by name, and the names of those that cannot be searched."""
        self._known = known

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges, a sample for each index."""
        indexes, unusable = self._known()
        shards = _gauge("index_shards", "Shards that an index consists of.")
        served = _gauge("index_shards_served", "Shards of an index that at least one Triton has.")
        for index in indexes.values():
            shards.add_metric([index.name], len(index.shards))
            served.add_metric([index.name], sum(1 for shard in index.shards if shard.tritons))
        broken = _gauge(
            "index_unusable", "1 for an index that is damaged, or whose Tritons differ about it."
        )
        for name in unusable:
            broken.add_metric([name], 1)
        yield from (shards, served, broken)


def _gauge(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"animegan_similarity_{name}", meaning, labels=["index"])
