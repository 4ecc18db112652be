"""The enlarging networks that Triton serves, as configurations and model cards describe them.

One Triton model does one thing: enlarge by a factor, or denoise, or both. Those that belong
together make a method; what a request asks for may take several of them (see `plan.py`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.common.rpc.errors import NotFound, Unavailable
from services.common.triton.catalogue import ONNX_FILE, ServedModels, numbers
from services.common.triton.client import ModelConfig, Triton

CONTRACT = "upscaler"
INPUT, OUTPUT = "image", "upscaled"  # UINT8 [B,h,w,3] -> UINT8 [B,scale*h,scale*w,3]
NO_NOISE = -1  # the noise level of networks that do not denoise


@dataclass(frozen=True)
class UpscalerModel:
    """A model `image [h,w,3] -> upscaled [scale*h,scale*w,3]` in one version."""

    name: str
    version: int
    description: str
    method: str
    scale: int  # 1: it only denoises
    noise: int  # NO_NOISE, or the level 0 to 3 that it removes
    margin: int  # pixels of the input around a tile that the tile's output depends on
    alignment: int  # tiles begin at multiples of it: the grid on which the network samples down
    pools_globally: bool  # true: a tile's output depends on the whole tile, however far away
    max_batch: int
    licence: str
    sha256: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Method:
    """The models that share a name in requests, by scale, then noise level."""

    name: str
    models: Sequence[UpscalerModel]

    def find(self, scale: int, noise: int) -> UpscalerModel | None:
        """The model that does exactly this; None: there is none."""
        return next((m for m in self.models if (m.scale, m.noise) == (scale, noise)), None)


def parse_model(name: str, version: int, config: ModelConfig) -> UpscalerModel | None:
    """Read configuration and card; None if this does not enlarge pictures.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: the card, or the configuration, is not
            what the contract says.
    """
    card_text = config.parameters.get(f"model_card_{version}")
    if card_text is None:
        return None
    card: dict[str, Any] = json.loads(card_text)
    if card.get("contract") != CONTRACT:
        return None
    if INPUT not in config.inputs or OUTPUT not in config.outputs or config.max_batch < 1:
        raise ValueError(f"the configuration lacks the batched tensors {INPUT!r} -> {OUTPUT!r}")
    return UpscalerModel(
        name=name,
        version=version,
        description=str(card["description"]),
        method=str(card["method"]),
        scale=int(card["scale"]),
        noise=int(card["noise"]),
        margin=int(card["margin"]),
        alignment=int(card["alignment"]),
        pools_globally=bool(card["pools_globally"]),
        max_batch=config.max_batch,
        licence=str(card["licence"]),
        sha256=str(card["files"][ONNX_FILE]["sha256"]),
        metrics=numbers(card["metrics"]),
    )


def methods(models: Iterable[UpscalerModel]) -> Mapping[str, Method]:
    """The methods that these models make, by name, in the order of their names."""
    ordered = sorted(models, key=lambda model: (model.method, model.scale, model.noise))
    names = dict.fromkeys(model.method for model in ordered)
    return {name: Method(name, [m for m in ordered if m.method == name]) for name in names}


class Catalogue(ServedModels[UpscalerModel]):
    """Knows the methods that serve now."""

    def __init__(self, triton: Triton) -> None:
        """Ask `triton`."""
        super().__init__(triton, parse_model)

    async def find(self, name: str, *, besides: Sequence[str] = (), expect: bool = False) -> Method:
        """The method `name`, with its models that are there or were there a moment ago.

        Args:
            name: of the method.
            besides: other names that a message about an unknown one lists.
            expect: the method ought to be there: without it callers are not to blame.

        Raises:
            NotFound: there is none; lists those there are.
            Unavailable: it is expected, but not there.
        """
        if not (method := self._method(name)):
            await self._look_again()
            method = self._method(name)
        if method:
            return method
        if expect:
            raise Unavailable(f"the method {name!r} is not being served just now; try again")
        names = ", ".join([*methods(self._expected().values()), *besides])
        raise NotFound(f"no method {name!r}; there are: {names}")

    def _method(self, name: str) -> Method | None:
        """Asked for every picture, so without a look at how the other models belong together."""
        return methods(m for m in self._expected().values() if m.method == name).get(name)
