"""The generator models that Triton serves, as configurations and model cards describe them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from services.common.rpc.errors import NotFound, Unavailable
from services.common.triton.catalogue import ONNX_FILE, ServedModels, numbers, with_successors
from services.common.triton.client import ModelConfig, Triton
from services.common.triton.traffic import Route
from services.generator.latents import NoiseMode

GENERATOR_KINDS = ("stylegan2", "dcgan")

_NOT_SERVED = (NotFound, Unavailable)
_NOT_NOW = "the model {!r} is not being served just now; try again"

# A version that is being replaced fails at once and is back in milliseconds; a process that died
# takes a second to say so, and is not asked a third time.
_PATIENCE_S = 0.5
_PAUSE_S = 0.02

T = TypeVar("T")


@dataclass(frozen=True)
class GeneratorModel:
    """A model `z [, truncation] [, noise] -> image` in one version."""

    name: str
    version: int
    description: str
    kind: str
    resolution: int
    channels: int
    z_dim: int
    supports_truncation: bool
    default_truncation: float
    noise_size: int  # length of the flat input `noise`; 0 without one
    licence: str
    dataset: str
    dataset_digest: str
    sha256: str
    metrics: Mapping[str, float]

    @property
    def noise_modes(self) -> Sequence[NoiseMode]:
        """The modes that requests may choose: without noise there is nothing to draw at random."""
        if self.noise_size:
            return (NoiseMode.CONSTANT, NoiseMode.RANDOM, NoiseMode.NONE)
        return (NoiseMode.CONSTANT, NoiseMode.NONE)


def parse_model(name: str, version: int, config: ModelConfig) -> GeneratorModel | None:
    """Read configuration and card; None if this is not a generator.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: the card, or the configuration, is not
            what the contract says.
    """
    card_text = config.parameters.get(f"model_card_{version}")
    if card_text is None or "z" not in config.inputs or "image" not in config.outputs:
        return None
    card: dict[str, Any] = json.loads(card_text)
    if card["kind"] not in GENERATOR_KINDS:
        return None
    height, _, channels = config.outputs["image"].shape
    supports_truncation = "truncation" in config.inputs
    noise = config.inputs.get("noise")
    return GeneratorModel(
        name=name,
        version=version,
        description=str(card["description"]),
        kind=card["kind"],
        resolution=height,
        channels=channels,
        z_dim=config.inputs["z"].shape[0],
        supports_truncation=supports_truncation,
        default_truncation=float(card["default_truncation"]) if supports_truncation else 1.0,
        noise_size=noise.shape[0] if noise else 0,
        licence=str(card["licence"]),
        dataset=str(card["dataset"]["name"]),
        dataset_digest=str(card["dataset"]["digest"]),
        sha256=str(card["files"][ONNX_FILE]["sha256"]),
        metrics=numbers(card["metrics"]),
    )


class Catalogue(ServedModels[GeneratorModel]):
    """Knows the generators that serve now, and which of them is the default."""

    def __init__(self, triton: Triton, default_model: str) -> None:
        """Ask `triton`; requests that name no model mean `default_model`."""
        super().__init__(triton, parse_model)
        self.default_model = default_model

    async def find(self, name: str) -> GeneratorModel:
        """The model `name`, or the default model for "".

        Raises:
            NotFound: there is none; lists those there are.
            Unavailable: there was one lately, or it is the default: callers are not to blame.
        """
        name = name or self.default_model
        if name not in self._models:
            await self._look_again()
        if name not in self._models:
            if name == self.default_model or name in self._expected():
                raise Unavailable(_NOT_NOW.format(name))
            names = ", ".join(sorted(self._models)) or "none"
            raise NotFound(f"no model {name!r}; there are: {names}")
        return self._models[name]

    async def run(self, name: str, work: Callable[[Route[GeneratorModel]], Awaitable[T]]) -> T:
        """Do `work` with the versions of the model that serve now.

        A version that is replaced meanwhile costs its callers nothing: the work is done again with
        its successor. Neither does a candidate that fails: then the stable version does it.

        Raises:
            NotFound, Unavailable: as `find`, or the model cannot be reached.
        """
        await self._follow_traffic((await self.find(name)).name)
        route = self._routes[(await self.find(name)).name]
        try:
            return await with_successors(
                route, work, self._successor, failures=_NOT_SERVED, patience_s=_PATIENCE_S
            )
        except _NOT_SERVED as error:
            raise Unavailable(_NOT_NOW.format(route.stable.name)) from error

    async def _successor(self, failed: Route[GeneratorModel]) -> Route[GeneratorModel]:
        """What to try next."""
        await asyncio.sleep(_PAUSE_S)
        with suppress(Unavailable):  # Triton may be back before patience ends
            await self.refresh()
        current = self._routes.get(failed.stable.name, failed)
        return Route(failed.stable) if current == failed else current
