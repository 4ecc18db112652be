"""What a caller asks for, free of protobuf."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.pictures.encoding import PNG, Encoding
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
