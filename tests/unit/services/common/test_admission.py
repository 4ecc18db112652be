import pytest
from prometheus_client import CollectorRegistry

from services.common.admission import Admission
from services.common.errors import Busy
from services.common.metrics import Metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def admission(registry: CollectorRegistry) -> Admission:
    return Admission(100, retry_after_s=0.5, metrics=Metrics("test", registry))


def test_what_fits_exactly_is_admitted_and_one_more_is_not(admission):
    with (
        admission.hold(60),
        admission.hold(40),
        pytest.raises(Busy) as refusal,
        admission.hold(1),
    ):
        pytest.fail("admitted over the limit")
    assert refusal.value.retry_after_s == 0.5
    assert "100 of at most 100" in str(refusal.value)


def test_room_is_given_back_even_when_the_work_fails(admission):
    with pytest.raises(ZeroDivisionError), admission.hold(100):
        raise ZeroDivisionError
    with admission.hold(100):
        pass


def test_metrics_show_load_and_refusals(admission, registry):
    with admission.hold(70):
        assert registry.get_sample_value("animegan_test_in_flight") == 70
        with pytest.raises(Busy), admission.hold(31):
            pass
    assert registry.get_sample_value("animegan_test_in_flight") == 0
    assert registry.get_sample_value("animegan_test_rejected_total", {"reason": "busy"}) == 1
