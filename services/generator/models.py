"""The generator models that Triton serves, as configurations and model cards describe them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import structlog

from services.common.errors import NotFound, Unavailable
from services.common.triton_client import ModelConfig, Triton
from services.generator.latents import NoiseMode

GENERATOR_KINDS = ("stylegan2", "dcgan")
ONNX_FILE = "model.onnx"

# Callers that name unknown models cause at most one look at Triton per this many seconds.
_LOOK_AGAIN_S = 1.0

# A model that vanishes is expected back for so long: a watchdog may be reloading it.
_EXPECTED_BACK_S = 60.0

_NOT_NOW = "the model {!r} is not being served just now; try again"

# What reading a card of the wrong shape raises. One bad card must not hide the other models.
_BROKEN_CARD = (ValueError, LookupError, TypeError, AttributeError)

T = TypeVar("T")
log = structlog.get_logger()


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
        one of _BROKEN_CARD: the card, or the configuration, is not what the contract says.
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
        metrics=_numbers(card["metrics"]),
    )


def _numbers(metrics: Mapping[str, Any]) -> Mapping[str, float]:
    """The plain numbers among a card's metrics; cards may hold intervals and notes besides."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


class Catalogue:
    """Knows the models that serve now. The readiness probe refreshes it every few seconds."""

    def __init__(self, triton: Triton, default_model: str) -> None:
        """Ask `triton`; requests that name no model mean `default_model`."""
        self._triton = triton
        self.default_model = default_model
        self._models: Mapping[str, GeneratorModel] = {}
        self._last_seen: dict[str, float] = {}
        self._refreshed = -_LOOK_AGAIN_S
        self._refreshing = asyncio.Lock()

    async def all(self) -> Sequence[GeneratorModel]:
        """All generator models, sorted by name.

        Raises:
            Unavailable: Triton has never answered yet.
        """
        if not self._models:
            await self.refresh()
        return [self._models[name] for name in sorted(self._models)]

    async def find(self, name: str) -> GeneratorModel:
        """The model `name`, or the default model for "".

        Raises:
            NotFound: there is none; lists those there are.
            Unavailable: there was one lately, or it is the default: callers are not to blame.
        """
        name = name or self.default_model
        if name not in self._models and monotonic() - self._refreshed >= _LOOK_AGAIN_S:
            await self.refresh()
        if name not in self._models:
            missing_s = monotonic() - self._last_seen.get(name, -_EXPECTED_BACK_S)
            if name == self.default_model or missing_s < _EXPECTED_BACK_S:
                raise Unavailable(_NOT_NOW.format(name))
            names = ", ".join(sorted(self._models)) or "none"
            raise NotFound(f"no model {name!r}; there are: {names}")
        return self._models[name]

    async def run(self, name: str, work: Callable[[GeneratorModel], Awaitable[T]]) -> T:
        """Do `work` with the model's current version.

        A version that is replaced meanwhile costs its callers nothing: the work is done once more
        with the new one.

        Raises:
            NotFound, Unavailable: as `find`, or the model cannot be reached.
        """
        model = await self.find(name)
        try:
            return await work(model)
        except (NotFound, Unavailable) as error:
            await self.refresh()
            current = await self.find(name)
            if current.version == model.version:
                raise Unavailable(_NOT_NOW.format(model.name)) from error
            return await work(current)

    async def refresh(self) -> None:
        """Ask Triton for its models. Callers that come while somebody asks share the answer.

        Raises:
            ServiceError: Triton did not answer.
        """
        asked = monotonic()
        async with self._refreshing:
            if self._refreshed > asked:
                return
            ready = await self._triton.ready_versions()
            found = await asyncio.gather(*(self._describe(*item) for item in ready.items()))
            self._models = {model.name: model for model in found if model}
            self._refreshed = monotonic()
            self._last_seen |= dict.fromkeys(self._models, self._refreshed)

    async def _describe(self, name: str, version: int) -> GeneratorModel | None:
        try:
            return parse_model(name, version, await self._triton.model_config(name, version))
        except NotFound:
            return None  # unloaded since it was listed
        except _BROKEN_CARD as error:
            log.warning("broken model card", model=name, version=version, reason=repr(error))
            return None
