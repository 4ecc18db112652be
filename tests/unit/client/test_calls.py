"""Both clients over a real connection: errors, retries, balancing, deadlines, cancellation."""

import asyncio
import time
from contextlib import aclosing, closing
from traceback import format_exception

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

import animegan_client as ag
from animegan_client import channel
from tests.unit.client.scripted import failing, pictures, serving

REQUEST_ID = error_details_pb2.RequestInfo(request_id="abc123")


def generate_sync(target, **settings):
    with ag.GeneratorClient(target, **settings) as client:
        return client.generate(seeds=[5, 6])


def generate_asyncio(target, **settings):
    async def call():
        async with ag.AsyncGeneratorClient(target, **settings) as client:
            return await client.generate(seeds=[5, 6])

    return asyncio.run(call())


def take_sync(target, count):
    with ag.GeneratorClient(target) as client, closing(client.generate_stream(seeds=[0])) as stream:
        return [next(stream).seed for _ in range(count)]


def take_asyncio(target, count):
    async def call():
        async with (
            ag.AsyncGeneratorClient(target) as client,
            aclosing(client.generate_stream(seeds=[0])) as stream,
        ):
            return [(await anext(stream)).seed for _ in range(count)]

    return asyncio.run(call())


both = pytest.mark.parametrize("generate", [generate_sync, generate_asyncio])


@both
def test_pictures_arrive_with_the_callers_token(generate):
    with serving(pictures) as service:
        result = generate(service.target, token="s3cret")
    assert [image.seed for image in result.images] == [5, 6]
    assert service.metadata["authorization"] == "Bearer s3cret"
    assert "anime-gan/" in service.metadata["user-agent"]


@both
def test_no_token_no_header(generate):
    with serving(pictures) as service:
        generate(service.target)
    assert "authorization" not in service.metadata


@both
def test_invalid_argument_names_the_fields(generate):
    violation = error_details_pb2.BadRequest.FieldViolation(field="count", description="over 256")
    bad_request = error_details_pb2.BadRequest(field_violations=[violation])
    code = grpc.StatusCode.INVALID_ARGUMENT
    with (
        serving(failing(code, "count: over 256", bad_request, REQUEST_ID)) as service,
        pytest.raises(ag.InvalidArgumentError, match=r"^count: over 256$") as caught,
    ):
        generate(service.target)
    assert caught.value.violations == (ag.FieldViolation("count", "over 256"),)
    assert caught.value.request_id == "abc123"
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value.__cause__, grpc.RpcError)
    assert service.calls == 1


@both
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, ag.NotFoundError),
        (grpc.StatusCode.UNAUTHENTICATED, ag.UnauthenticatedError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ag.DeadlineExceededError),
        (grpc.StatusCode.CANCELLED, ag.UnavailableError),
        (grpc.StatusCode.INTERNAL, ag.ServerError),
        (grpc.StatusCode.DATA_LOSS, ag.ServerError),
    ],
)
def test_a_status_becomes_one_error_and_is_not_tried_again(generate, code, kind):
    with (
        serving(failing(code, "because", REQUEST_ID)) as service,
        pytest.raises(kind, match="because") as caught,
    ):
        generate(service.target)
    assert type(caught.value) is kind
    assert caught.value.request_id == "abc123"
    assert service.calls == 1


@both
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_passing_failure_is_not_seen(generate, code):
    with serving(failing(code, "not now"), pictures) as service:
        assert len(generate(service.target).images) == 2
    assert service.calls == 2


@both
def test_a_busy_service_is_tried_four_times_then_says_when_to_come_back(generate):
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000))
    with (
        serving(failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry)) as service,
        pytest.raises(ag.BusyError, match="full") as caught,
    ):
        generate(service.target)
    assert caught.value.retry_after == 1.5
    assert service.calls == 4


@both
def test_a_busy_service_is_asked_again_when_it_says(generate):
    """By the trailer that gRPC's own retries heed."""
    asked = []

    def busy(request, context):
        asked.append(time.monotonic())
        context.set_trailing_metadata((("grpc-retry-pushback-ms", "1500"),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")

    def ready(request, context):
        asked.append(time.monotonic())
        return pictures(request, context)

    with serving(busy, ready) as service:
        assert len(generate(service.target).images) == 2
    assert asked[1] - asked[0] >= 1.4  # by itself it would be 0.24 s at most


@both
def test_a_service_that_wants_no_further_attempt_gets_none(generate):
    def busy(request, context):
        context.set_trailing_metadata((("grpc-retry-pushback-ms", "-1"),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")

    with serving(busy) as service, pytest.raises(ag.BusyError, match="full"):
        generate(service.target)
    assert service.calls == 1


@both
@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ([("grpc.max_receive_message_length", 3)], "(message)"),
        ([("grpc.max_send_message_length", 3)], "(answer)"),
    ],
)
def test_a_message_over_a_limit_of_the_service_is_the_callers(generate, settings, field):
    with (
        serving(pictures, options=settings) as service,
        pytest.raises(ag.InvalidArgumentError, match=r"\d bytes are over the limit of 3") as caught,
    ):
        generate(service.target)
    assert caught.value.violations[0].field == field


@both
def test_a_message_over_the_clients_own_limit_is_not_sent(generate, monkeypatch):
    options = dict(channel.OPTIONS) | {"grpc.max_send_message_length": 3}
    monkeypatch.setattr(channel, "OPTIONS", tuple(options.items()))
    with (
        serving(pictures) as service,
        pytest.raises(ag.InvalidArgumentError, match="over the limit of 3 for a request"),
    ):
        generate(service.target)
    assert service.calls == 0


@both
def test_an_answer_over_the_clients_limit_is_told(generate, monkeypatch):
    options = dict(channel.OPTIONS) | {"grpc.max_receive_message_length": 3}
    monkeypatch.setattr(channel, "OPTIONS", tuple(options.items()))
    with (
        serving(pictures) as service,
        pytest.raises(ag.InvalidArgumentError, match="over the limit of 3 for an answer"),
    ):
        generate(service.target)


@both
@pytest.mark.parametrize("token", ["s3cret\n", "s3cret\r\n", " s3cret", "s3cret ", "s3crét", "\0"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(generate, token):
    with pytest.raises(ag.InvalidArgumentError, match=r"^token: ") as caught:
        generate("127.0.0.1:1", token=token)
    assert caught.value.violations[0].field == "token"
    assert "s3cr" not in "".join(format_exception(caught.value.with_traceback(None)))


@given(st.text(st.characters(max_codepoint=300)))
def test_a_token_arrives_as_it_is_or_is_refused(token):
    try:
        sent = channel.metadata(token)
    except ag.InvalidArgumentError:
        assert not (token.isascii() and token.isprintable() and token == token.strip())
        return
    assert sent == ((("authorization", f"Bearer {token}"),) if token else ())
    assert token.isascii()
    assert token.isprintable()
    assert token == token.strip()


def test_a_service_that_comes_back_is_found_soon():
    """gRPC's own pauses have grown to several seconds by then, and a new client shares them."""
    with serving(pictures) as service:
        target = service.target
    with ag.GeneratorClient(target) as old:
        away = time.monotonic()
        while time.monotonic() < away + 10.5:
            with pytest.raises(ag.UnavailableError):
                old.generate(seeds=[1])
        with (
            serving(pictures, port=int(target.rpartition(":")[2])),
            ag.GeneratorClient(target) as new,
        ):
            back = time.monotonic()
            for client in (old, new):
                while time.monotonic() < back + 3:
                    try:
                        client.generate(seeds=[1])
                        break
                    except ag.UnavailableError:
                        time.sleep(0.05)
                else:
                    pytest.fail("the service is not found")


@both
def test_nobody_at_home(generate):
    with serving(pictures) as service:
        target = service.target
    with pytest.raises(ag.UnavailableError) as caught:
        generate(target)
    assert caught.value.request_id is None


@both
def test_the_timeout_holds(generate):
    def slow(request, context):
        time.sleep(1)
        return pictures(request, context)

    with serving(slow) as service, pytest.raises(ag.DeadlineExceededError) as caught:
        generate(service.target, timeout=0.2)
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("take", [take_sync, take_asyncio])
def test_leaving_a_stream_stops_the_service(take):
    with serving(pictures) as service:
        assert take(service.target, 3) == [0, 1, 2]
        assert service.cancelled.wait(timeout=10)


def test_calls_are_shared_out_and_outlive_one_address():
    with serving(pictures) as first, serving(pictures) as second:
        target = f"ipv4:{first.target},{second.target}"
        with ag.GeneratorClient(target) as client:
            deadline = time.monotonic() + 10
            while not (first.calls and second.calls) and time.monotonic() < deadline:
                client.generate(seeds=[1])
    assert first.calls
    assert second.calls


def test_calls_outlive_one_of_two_addresses():
    with serving(pictures) as staying:
        with serving(pictures) as leaving:
            target = f"ipv4:{leaving.target},{staying.target}"
            client = ag.GeneratorClient(target)
            client.generate(seeds=[1])
        with client:
            for seed in range(20):
                assert client.generate(seeds=[seed]).images[0].seed == seed


def test_bad_arguments_of_a_stream_are_told_at_the_call():
    with ag.GeneratorClient("127.0.0.1:1") as client, pytest.raises(ag.InvalidArgumentError):
        client.generate_stream(seeds=[1], format="gif")
