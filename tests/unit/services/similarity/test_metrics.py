"""How near pictures come, by model: callers name the models, so their number is bounded."""

from prometheus_client import CollectorRegistry

from services.similarity.indexes import Catalogue
from services.similarity.metrics import IndexCollector, SimilarityMetrics
from tests.unit.services.similarity.tritons import FakeTriton, description


def test_models_beyond_the_limit_share_a_label():
    registry = CollectorRegistry()
    metrics = SimilarityMetrics(registry)
    for number in range(100):
        metrics.observe_best(f"model-{number}", "faces", 0.4)
    metrics.observe_best("", "faces", 0.4)
    metrics.observe_best("model-3", "faces", 0.96)

    def count(model: str) -> float | None:
        labels = {"model": model, "index": "faces"}
        return registry.get_sample_value("animegan_similarity_best_ssim_count", labels)

    assert (count("model-3"), count("model-31"), count("model-32")) == (2, 1, None)
    assert (count("other"), count("unnamed")) == (68, 1)
    labels = {"model": "model-3", "index": "faces", "le": "0.95"}
    assert registry.get_sample_value("animegan_similarity_best_ssim_bucket", labels) == 1


async def test_shards_that_nobody_serves_and_indexes_that_cannot_be_searched_are_shown():
    whole, partial = description("whole"), description("faces", shards=(True, False, True))
    triton = FakeTriton(whole, partial, refused={"broken": "tiles.npy has 3 bytes"})
    catalogue, registry = Catalogue({"a": triton}, "faces"), CollectorRegistry()
    registry.register(IndexCollector(catalogue.known))

    def shown(metric: str, index: str) -> float | None:
        return registry.get_sample_value(f"animegan_similarity_{metric}", {"index": index})

    assert shown("index_shards", "faces") is None
    await catalogue.refresh()
    assert (shown("index_shards", "faces"), shown("index_shards_served", "faces")) == (3, 2)
    assert shown("index_shards", "whole") == shown("index_shards_served", "whole")
    assert (shown("index_unusable", "broken"), shown("index_unusable", "faces")) == (1, None)
    triton.manifest["refused"].clear()
    await catalogue.refresh()
    assert shown("index_unusable", "broken") is None
