"""What callers ask for and what they get, free of protobuf."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.common.pictures.encoding import PNG, Encoding, Format
from services.common.rpc.errors import InvalidField
from services.generator.latents import NoiseMode
from services.generator.models import GeneratorModel


@dataclass(frozen=True)
class Order:
    """Pictures to make: one for each of `seeds`, in their order."""

    model: str  # "": the default model
    seeds: Sequence[int]  # 0 to 2^64 - 1, at least one
    truncation: float | None = None  # 0 to 2; None: the model's default
    noise_mode: NoiseMode = NoiseMode.CONSTANT
    encoding: Encoding = PNG


@dataclass(frozen=True)
class Picture:
    """An encoded picture, its seed, and the version that made it."""

    seed: int
    version: int
    data: bytes


@dataclass(frozen=True)
class Batch:
    """Pictures of one model."""

    model: GeneratorModel  # the stable version; a candidate's pictures say so
    format: Format
    pictures: Sequence[Picture]


def check_against(order: Order, model: GeneratorModel) -> None:
    """Check what depends on the model.

    Raises:
        InvalidField: the model does not support a choice of the order.
    """
    if order.truncation is not None and not model.supports_truncation:
        raise InvalidField("truncation", f"the model {model.name} has none; leave it out")
    if order.noise_mode not in model.noise_modes:
        names = " or ".join(mode.name for mode in model.noise_modes)
        raise InvalidField("noise_mode", f"the model {model.name} has no noise; choose {names}")


def split(order: Order, size: int) -> Iterator[Order]:
    """`order` in sub-batches of at most `size` images."""
    for start in range(0, len(order.seeds), size):
        yield replace(order, seeds=order.seeds[start : start + size])
