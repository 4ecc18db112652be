"""What callers get, free of protobuf: the pieces of an answer, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from services.common.pictures.headers import Step
from services.common.rpc.errors import ServiceError
from services.upscaler.order import Order
from services.upscaler.plan import Plan


class Stage(Enum):
    """What is being done to a picture."""

    READING = "reading"
    ENLARGING = "enlarging"
    ENCODING = "encoding"


@dataclass(frozen=True)
class Progress:
    """How far the work is."""

    stage: Stage
    fraction: float  # of the rows, 0 to 1


@dataclass(frozen=True)
class Header:
    """What the answer is, and how it comes about."""

    order: Order
    plan: Plan
    channels: int
    steps: Sequence[Step]
    exact: bool  # false: a network that pools globally got the picture in tiles


@dataclass(frozen=True)
class Done:
    """The answer is complete."""

    size_bytes: int


@dataclass(frozen=True)
class Failure:
    """There is no answer, for a reason that concerns this picture alone."""

    error: ServiceError


Piece: TypeAlias = Progress | Header | bytes | Done | Failure
