"""Logs: one JSON line per event on standard output, the request id in every line of a call."""

import json
import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger


def configure(service: str, level: str, stream: TextIO = sys.stdout) -> None:
    """Write what we log, and what libraries log by `logging`, to `stream` as JSON lines.

    Args:
        service: goes into every line.
        level: "debug", "info", "warning" or "error"; what is below is dropped.
        stream: where the lines go.
    """

    def event_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        head = ("timestamp", "level", "event")
        return {**{name: event.pop(name) for name in head}, "service": service, **event}

    fields: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        event_first,
    ]
    rendering: list[Processor] = [
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(_json),
    ]
    structlog.configure(
        processors=[*fields, *rendering],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=fields,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


# `json.dumps` makes an encoder for every line that is not encoded by the default one.
_ENCODER = json.JSONEncoder(default=repr)


def _json(event: EventDict, **_: Any) -> str:
    return _ENCODER.encode(event)
