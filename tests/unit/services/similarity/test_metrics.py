"""How near pictures come, by model: callers name the models, so their number is bounded."""

from prometheus_client import CollectorRegistry

from services.similarity.metrics import SimilarityMetrics


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
