"""Logs: one JSON line per event on standard output, the request id in every line of a call.

No line holds a secret, whoever writes it: tracebacks come without the values of variables, a
library's line says how many bytes it got and not which, and tokens are redacted in every line.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TextIO

import structlog
from pydantic import SecretStr
from structlog.types import EventDict, Processor, WrappedLogger

# A shorter secret may be part of a word: hiding it would say what it is, and spoil the lines.
_MIN_SECRET = 8
# Within JSON: a backslash and what it escapes stay together, so that a line stays JSON. The scheme
# is case-insensitive, RFC 9110, section 11.1; `<token>` is what our own messages say.
_BEARER = re.compile(r"""(bearer(?: |%20)+)(?!<token>)(?:\\.|[^\s"'\\])+""", re.IGNORECASE)


# Of the call that a line belongs to. One variable: structlog's own way sets one for each field.
_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default=MappingProxyType({}))


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Put `fields` into every line of the block, and of the tasks that it starts."""
    before = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(before)


def with_bound(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog's processor that does it."""
    return {**_bound.get(), **event}


def configure(
    service: str, level: str, stream: TextIO = sys.stdout, *, secret: SecretStr | None = None
) -> None:
    """Write what we log, and what libraries log by `logging`, to `stream` as JSON lines.

    Args:
        service: goes into every line.
        level: "debug", "info", "warning" or "error"; what is below is dropped.
        stream: where the lines go.
        secret: is redacted wherever it would be shown, if it has 8 characters; and so is whatever
            follows "Bearer".
    """

    def event_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        head = ("timestamp", "level", "event")
        return {**{name: event.pop(name) for name in head}, "service": service, **event}

    fields: list[Processor] = [
        with_bound,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        event_first,
    ]
    rendering: list[Processor] = [
        # Local variables are callers' pictures and metadata.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.JSONRenderer(_to_json(secret)),
    ]
    structlog.configure(
        processors=[*fields, *rendering],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_without_bytes)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=fields,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


# `json.dumps` makes an encoder for every line that is not encoded by the default one.
_ENCODER = json.JSONEncoder(default=repr)


def _to_json(secret: SecretStr | None) -> Callable[..., str]:
    hidden = json.dumps(secret.get_secret_value())[1:-1] if secret else ""

    def encode(event: EventDict, **_: Any) -> str:
        line = _ENCODER.encode(event)
        if "bearer" in line.lower():  # 50 times as fast as to search for the pattern
            line = _BEARER.sub(r"\1[redacted]", line)
        return line.replace(hidden, "[redacted]") if len(hidden) >= _MIN_SECRET else line

    return encode


def _without_bytes(record: logging.LogRecord) -> bool:
    """Show the size of bytes in place of what they are. A filter of `logging`.

    gRPC logs metadata that is no UTF-8 in this way, once or more for each call, as an error with a
    traceback of its own. It is the caller's error.
    """
    if isinstance(record.args, tuple) and any(isinstance(arg, bytes) for arg in record.args):
        record.args = tuple(
            f"{len(arg)} bytes" if isinstance(arg, bytes) else arg for arg in record.args
        )
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
    return logging.root.isEnabledFor(record.levelno)
