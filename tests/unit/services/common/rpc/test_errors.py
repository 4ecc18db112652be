import grpc
import pytest
from google.rpc import error_details_pb2

from services.common.rpc import errors


def details(status) -> dict[str, object]:
    kinds = (
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
        error_details_pb2.RequestInfo,
    )
    found = {}
    for packed in status.details:
        kind = next(kind for kind in kinds if packed.Is(kind.DESCRIPTOR))
        found[kind.DESCRIPTOR.name] = kind.FromString(packed.value)
    return found


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidField("count", "too many"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.Unauthenticated("who?"), grpc.StatusCode.UNAUTHENTICATED),
        (errors.NotFound("no model"), grpc.StatusCode.NOT_FOUND),
        (errors.Busy("full", retry_after_s=0.5), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Unavailable("away"), grpc.StatusCode.UNAVAILABLE),
        (errors.DeadlineExceeded("late"), grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_callers_learn_what_they_can_act_upon(error, code):
    status = errors.status_of(error, "id-1")
    assert status.code == code.value[0]
    assert status.message == str(error)
    assert details(status)["RequestInfo"].request_id == "id-1"


def test_a_wrong_field_is_named():
    status = errors.status_of(errors.InvalidField("count", "300 is over 256"), "id-1")
    (violation,) = details(status)["BadRequest"].field_violations
    assert (violation.field, violation.description) == ("count", "300 is over 256")
    assert status.message == "count: 300 is over 256"


def test_a_busy_service_says_when_to_come_back():
    status = errors.status_of(errors.Busy("full", retry_after_s=1.25), "id-1")
    assert details(status)["RetryInfo"].retry_delay.ToNanoseconds() == 1_250_000_000


@pytest.mark.parametrize(
    "fault", [errors.Internal("stub of /models/x died"), KeyError("password"), ZeroDivisionError()]
)
def test_our_own_faults_stay_ours(fault):
    status = errors.status_of(fault, "id-1")
    assert status.code == grpc.StatusCode.INTERNAL.value[0]
    assert status.message == "internal error; please report request id id-1"
    assert set(details(status)) == {"RequestInfo"}
    assert b"password" not in status.SerializeToString()
    assert b"stub" not in status.SerializeToString()
