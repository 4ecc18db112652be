"""Python values into the fields of a request: what does not fit is refused by the field's name."""

from collections.abc import Mapping
from typing import TypeVar, cast

from google.protobuf.message import Message

from animegan_client.errors import InvalidArgumentError

_Name = TypeVar("_Name", bound=str)
_Value = TypeVar("_Value")


def check_names(options: Mapping[str, object], known: type) -> None:
    """Check that keyword arguments are keys of the TypedDict `known`.

    Raises:
        TypeError: some are not.
    """
    unknown = options.keys() - known.__annotations__.keys()
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}")


def write(request: Message, name: str, value: object) -> None:
    """Set a field.

    Raises:
        InvalidArgumentError: the value does not fit.
    """
    try:
        setattr(request, name, value)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError.of(name, f"{value!r} does not fit: {error}") from error


def chosen(field: str, name: str, choices: dict[_Name, _Value]) -> _Value:
    """The value of a field that takes one of a few names.

    Raises:
        InvalidArgumentError: the name is none of them.
    """
    try:
        return choices[cast(_Name, name)]
    except KeyError:
        listed = ", ".join(str(choice) for choice in choices)
        raise InvalidArgumentError.of(field, f"{name!r} is none of {listed}") from None
