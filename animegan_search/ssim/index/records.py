"""Turns JSON into frozen dataclasses, strictly: no field missing, unknown or of another type."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


class RecordError(ValueError):
    """A field is missing, unknown or of another type; the message says which."""


def decode(kind: type[Record], value: Any, where: str = "manifest") -> Record:
    """Read a dataclass of strings, integers, tuples, optional values and dataclasses.

    Args:
        kind: the dataclass.
        value: what JSON gave.
        where: path of the value, for messages.

    Raises:
        RecordError: naming the field.
    """
    return _decode(kind, value, where)  # type: ignore[no-any-return]


def _decode(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _decode_record(kind, value, where)
    if get_origin(kind) is tuple:
        return _decode_tuple(get_args(kind), value, where)
    if NoneType in get_args(kind):
        present = next(option for option in get_args(kind) if option is not NoneType)
        return None if value is None else _decode(present, value, where)
    if type(value) is not kind:
        raise RecordError(f"{where} must be {kind.__name__}, got {type(value).__name__}")
    return value


def _decode_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise RecordError(f"{where} must be an object, got {type(value).__name__}")
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    wrong = sorted(set(names) ^ set(value))
    if wrong:
        raise RecordError(f"{where} has fields missing or unknown: {', '.join(wrong)}")
    return kind(**{name: _decode(hints[name], value[name], f"{where}.{name}") for name in names})


def _decode_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise RecordError(f"{where} must be a list, got {type(value).__name__}")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise RecordError(f"{where} must have {len(kinds)} items, got {len(value)}")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_decode(kind, item, f"{where}[{place}]") for place, (kind, item) in pairs)
