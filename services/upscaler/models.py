"""Which methods there are, and what of them a picture takes.

A method is a filter, or the networks of Triton that share its name, as configurations and model
cards describe them. One network does one thing: enlarge by a whole factor, mostly 2, or denoise,
or both. Any other factor takes as many passes as reach at least that far, and a resampling filter
down to the size that was asked for: 3x is two passes (4x) and Lanczos' filter. Noise is removed
once, by the first pass.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import floor, prod
from typing import Any

from services.common.rpc.errors import InvalidField, NotFound, Unavailable
from services.common.triton.catalogue import ONNX_FILE, ServedModels, numbers
from services.common.triton.client import ModelConfig, Triton
from services.upscaler.types import NO_NOISE, Filter, Method, Options, Plan, UpscalerModel

CONTRACT = "upscaler"
INPUT, OUTPUT = "image", "upscaled"  # UINT8 [B,h,w,3] -> UINT8 [B,scale*h,scale*w,3]

_FILTERS = {choice.value: choice for choice in Filter}


class Catalogue(ServedModels[UpscalerModel]):
    """Knows the methods that serve now, and which of them is the default."""

    def __init__(self, triton: Triton, default_method: str) -> None:
        """Ask `triton`; requests that name no method mean `default_method`."""
        super().__init__(triton, parse_model)
        self.default_method = default_method

    async def methods(self) -> Sequence[Method | Filter]:
        """Networks that are there, sorted by name, then filters.

        Raises:
            Unavailable: Triton has never answered yet.
        """
        return [*methods_of(await self.all()).values(), *Filter]

    async def find(self, name: str) -> Method | Filter:
        """The method `name`, or the default method for "".

        Its models are there, or were there a moment ago.

        Raises:
            NotFound: there is none; lists those there are.
            Unavailable: the default method is not there: callers are not to blame.
        """
        name = name or self.default_method
        if name in _FILTERS:
            return _FILTERS[name]
        if not (method := self._method(name)):
            await self._look_again()
            method = self._method(name)
        if method:
            return method
        if name == self.default_method:
            raise Unavailable(f"the method {name!r} is not being served just now; try again")
        names = ", ".join([*methods_of(self._expected().values()), *_FILTERS])
        raise NotFound(f"no method {name!r}; there are: {names}")

    def _method(self, name: str) -> Method | None:
        """Asked for every picture, so without a look at how the other models belong together."""
        return methods_of(m for m in self._expected().values() if m.method == name).get(name)


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


def methods_of(models: Iterable[UpscalerModel]) -> Mapping[str, Method]:
    """The methods that these models make, by name, in the order of their names."""
    ordered = sorted(models, key=lambda model: (model.method, model.scale, model.noise))
    names = dict.fromkeys(model.method for model in ordered)
    return {name: Method(name, [m for m in ordered if m.method == name]) for name in names}


def make_plan(method: Method | Filter, options: Options, width: int, height: int) -> Plan:
    """Plan how `method` enlarges a picture of `width` x `height` pixels.

    Raises:
        InvalidField: the method cannot do what `options` ask for; lists what it can.
    """
    passes: tuple[UpscalerModel, ...] = ()
    if isinstance(method, Filter):
        _check_filter(method, options)
        name, last = method.value, method
    else:
        passes = _passes(method, options)
        name, last = method.name, Filter.LANCZOS
    size = enlarged(width, options.scale), enlarged(height, options.scale)
    reached = prod(model.scale for model in passes)
    resample = None if size == (width * reached, height * reached) else last
    return Plan(passes, resample, *size, options.tta, name)


def enlarged(length: int, scale: float) -> int:
    """A side's length after enlarging, in whole pixels, halves up; never less than 1."""
    return max(1, floor(length * scale + 0.5))


def _check_filter(method: Filter, options: Options) -> None:
    if options.noise != NO_NOISE:
        raise InvalidField(
            "options.noise",
            f"{method.value} is a filter and removes none; leave it out, or choose a network",
        )
    if options.tta:
        raise InvalidField(
            "options.test_time_augmentation",
            f"{method.value} is a filter, for which it changes nothing; leave it out",
        )


def _passes(method: Method, options: Options) -> tuple[UpscalerModel, ...]:
    needed = _factors(method, options.scale)
    if options.noise == NO_NOISE:
        return _plain(method, needed)
    denoiser = method.find(1, options.noise)
    both = [m for m in method.models if m.scale > 1 and m.noise == options.noise]
    if not needed and denoiser:
        return (denoiser,)
    if both:  # with nothing to enlarge it is resampled down again
        return (both[0], *_plain(method, needed[1:]))
    if denoiser:
        return (denoiser, *_plain(method, needed))
    raise InvalidField(
        "options.noise", f"{method.name} cannot remove noise {options.noise}; {_offered(method)}"
    )


def _factors(method: Method, scale: float) -> Sequence[int]:
    """The factors of the passes that reach `scale`; none for a scale of 1.

    Raises:
        InvalidField: the method does not enlarge.
    """
    if scale == 1:
        return ()
    steps = [model.scale for model in method.models if model.scale > 1]
    if not steps:
        raise InvalidField("options.scale", f"{method.name} cannot enlarge; {_offered(method)}")
    factors = [steps[0]]
    while prod(factors) < scale:
        factors.append(steps[0])
    return factors


def _plain(method: Method, factors: Sequence[int]) -> tuple[UpscalerModel, ...]:
    """The passes that only enlarge."""
    passes = [method.find(factor, NO_NOISE) for factor in factors]
    if None in passes:
        raise InvalidField(
            "options.scale",
            f"{method.name} cannot enlarge that far without removing noise; {_offered(method)}",
        )
    return tuple(model for model in passes if model)


def _offered(method: Method) -> str:
    """What a method's models do, for people: "it has 1x noise 0, 1; 2x noise -1, 0, 1"."""
    scales = dict.fromkeys(model.scale for model in method.models)
    levels = {s: [str(m.noise) for m in method.models if m.scale == s] for s in scales}
    return "it has " + "; ".join(f"{s}x noise {', '.join(names)}" for s, names in levels.items())
