import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.common import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    logs.configure("generator", "info", stream)
    yield stream
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_with_the_request_id(stream):
    with structlog.contextvars.bound_contextvars(request_id="id-1"):
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
