import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.common.rpc import logs

SECRET = "s3cret-token-of-ours"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    logs.configure("generator", "info", stream, secret=SecretStr(SECRET))
    yield stream
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_with_the_request_id(stream):
    with logs.bound(request_id="id-1"):
        structlog.get_logger().info("call", code="OK", text="two\nlines")
    (line,) = lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "event", "service"]
    expected = {"event": "call", "code": "OK", "request_id": "id-1", "service": "generator"}
    assert expected.items() <= line.items()


def test_an_exception_is_one_line_too(stream):
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("internal error")
    (line,) = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"


def test_libraries_log_in_the_same_form(stream):
    logging.getLogger("grpc").warning("%s went away", "a peer")
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("a peer went away", "warning")
    assert line["service"] == "generator"


def test_what_is_below_the_level_is_dropped(stream):
    structlog.get_logger().debug("noise")
    logging.getLogger("grpc").debug("noise")
    assert lines(stream) == []


def test_an_exception_does_not_show_the_values_of_variables(stream):
    def handle(metadata: dict[str, str]) -> None:
        raise ValueError(len(metadata))

    try:
        handle({"authorization": "a-pass-word"})
    except ValueError:
        structlog.get_logger().exception("internal error")
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    ours, foreign = lines(stream)
    assert ours["exception"][0]["frames"][-1]["name"] == "handle"
    assert foreign["exception"] == ours["exception"]
    assert "a-pass-word" not in stream.getvalue()
    assert "locals" not in stream.getvalue()


def test_bytes_of_callers_are_counted_not_shown(stream):
    header = b"Bearer a-pass-word\xff"
    try:
        header.decode()
    except UnicodeDecodeError:
        logging.getLogger("grpc._cython.cygrpc").exception("Invalid encoding on %s", header)
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("Invalid encoding on 19 bytes", "info")
    assert "exception" not in line
    logging.getLogger("grpc").error("%d of %r", 1, b"a-pass-word")
    assert lines(stream)[1]["event"] == "1 of '11 bytes'"


@pytest.mark.parametrize(
    "text",
    [
        f"x {SECRET}",
        "authorization: Bearer a-pass-word",
        "{'authorization': 'bearer a-pass-word'}",
        "b'BEARER  a-pass-word\\xff'",
        'bearer\x20"a-pass-word',
        "bearer \\a-pass-word",
        "Bearer%20a-pass-word",
        "bearer \na-pass-word",
    ],
)
def test_tokens_are_redacted_in_every_line(stream, text):
    structlog.get_logger().info("call", text=[text], nested={text: 1})
    logging.getLogger("asyncio").info("%s", text)
    assert len(lines(stream)) == 2
    assert SECRET not in stream.getvalue()
    assert "a-pass-word" not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


def test_our_own_messages_stay_as_they_are(stream):
    structlog.get_logger().info("refused", reason="send `authorization: Bearer <token>`")
    assert lines(stream)[0]["reason"] == "send `authorization: Bearer <token>`"


@given(st.text(st.sampled_from("bearerBEARER \\\"'\n\x00\xffé%20{}[]:,x")))
def test_a_line_stays_json(text):
    stream = io.StringIO()
    encode = logs._to_json(SecretStr(SECRET))
    stream.write(encode({"event": text, text: [text], "after": "bearer " + text}))
    assert len(json.loads(stream.getvalue())) in (2, 3)
