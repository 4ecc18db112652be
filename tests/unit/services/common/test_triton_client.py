"""tritonclient's errors, whose status is a string, become ours."""

import pytest
from tritonclient.utils import InferenceServerException

from services.common import errors
from services.common.triton_client import _translated


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        ("StatusCode.UNAVAILABLE", "failed to connect", errors.Unavailable),
        ("StatusCode.CANCELLED", "shutting down", errors.Unavailable),
        ("StatusCode.DEADLINE_EXCEEDED", "Deadline Exceeded", errors.DeadlineExceeded),
        ("StatusCode.NOT_FOUND", "Request for unknown model: 'x'", errors.NotFound),
        ("StatusCode.INTERNAL", "Stub process 'x_0_0' is not healthy.", errors.Unavailable),
        ("StatusCode.INTERNAL", "out of memory", errors.Internal),
        ("StatusCode.INVALID_ARGUMENT", "unexpected shape", errors.Internal),
        (None, "model version must be a string", errors.Internal),
    ],
)
async def test_translation(status, message, expected):
    cause = InferenceServerException(message, status=status)

    async def request():
        raise cause

    with pytest.raises(errors.ServiceError) as raised:
        await _translated(request())
    assert type(raised.value) is expected
    assert raised.value.__cause__ is cause
