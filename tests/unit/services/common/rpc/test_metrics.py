"""What Prometheus sees before anything has happened."""

from grpc_health.v1 import health_pb2
from prometheus_client import CollectorRegistry

from services.common.rpc.metrics import FAILURE_CODES, REJECTION_REASONS, Metrics


def test_calls_that_have_not_come_yet_are_zeros():
    registry = CollectorRegistry()
    Metrics("test", registry).expect(health_pb2.DESCRIPTOR.services_by_name["Health"].methods)

    def value(metric: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"animegan_test_{metric}", labels)

    for code in ("OK", *FAILURE_CODES):
        assert value("requests_total", method="Check", code=code) == 0
        assert value("requests_total", method="Watch", code=code) == 0
    for reason in REJECTION_REASONS:
        assert value("rejected_total", reason=reason) == 0
    assert value("request_seconds_count", method="Check") == 0
    assert value("first_answer_seconds_count", method="Watch") == 0  # it streams
    assert value("first_answer_seconds_count", method="Check") is None
