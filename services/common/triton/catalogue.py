"""The models that Triton serves, as configurations and model cards describe them.

What is replaced while a call works with it costs the caller nothing: `with_successors`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

import structlog

from services.common.rpc.errors import NotFound, ServiceError, Unavailable
from services.common.triton.client import ModelConfig, Triton
from services.common.triton.traffic import POINTER_PARAMETER, POINTER_VERSION, Route, Traffic

ONNX_FILE = "model.onnx"

# Callers that name what does not exist cause at most one look at Triton per this many seconds.
LOOK_AGAIN_S = 1.0

# What vanishes is expected back for so long: Triton may be starting again.
EXPECTED_BACK_S = 60.0

# A release takes effect when the pointer that divides a model's traffic is read again: with a
# request, if it was read longer ago than this.
_TRAFFIC_AGE_S = 0.25

# What reading a card of the wrong shape raises. One bad card must not hide the other models.
_BROKEN_CARD = (ValueError, LookupError, TypeError, AttributeError)

log = structlog.get_logger()


class Served(Protocol):
    """What all kinds of models have."""

    @property
    def name(self) -> str:
        """Triton's name of the model."""

    @property
    def version(self) -> int:
        """The version that serves."""


Model = TypeVar("Model", bound=Served)
S = TypeVar("S")
T = TypeVar("T")
Parse = Callable[[str, int, ModelConfig], Model | None]


class ServedModels(Generic[Model]):
    """Knows the models of one kind that serve now. Readiness probes keep it up to date."""

    def __init__(self, triton: Triton, parse: Parse[Model]) -> None:
        """Ask `triton`.

        Args:
            triton: serves the models.
            parse: reads a model's name, version, configuration and card; None: of another kind. It
                may raise what reading a card of the wrong shape raises: the model is left out.
        """
        self._triton = triton
        self._parse = parse
        self._models: Mapping[str, Model] = {}  # the version that serves, the stable one
        self._routes: Mapping[str, Route[Model]] = {}
        self._pointers: dict[str, str] = {}  # by model
        self._traffic: dict[str, Traffic] = {}  # by pointer, as last seen
        self._traffic_read: dict[str, float] = {}  # by pointer, when
        self._last_seen: dict[str, tuple[Model, float]] = {}
        self._refreshed = -LOOK_AGAIN_S
        self._refreshing = asyncio.Lock()

    async def all(self) -> Sequence[Model]:
        """The models that are there, sorted by name.

        Raises:
            Unavailable: Triton has never answered yet.
        """
        if not self._models:
            await self.refresh()
        return [self._models[name] for name in sorted(self._models)]

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
            found = await asyncio.gather(*(self._route(name, ready) for name in ready))
            self._routes = {route.stable.name: route for route in found if route}
            self._models = {name: route.stable for name, route in self._routes.items()}
            self._refreshed = monotonic()
            self._last_seen |= {
                name: (model, self._refreshed) for name, model in self._models.items()
            }

    async def _look_again(self) -> None:
        """Refresh, but not for every caller who names what does not exist."""
        if monotonic() - self._refreshed >= LOOK_AGAIN_S:
            await self.refresh()

    async def _follow_traffic(self, name: str) -> None:
        """Refresh if the model's traffic is divided anew. Most calls find nothing to do."""
        pointer = self._pointers.get(name)
        if pointer is None or monotonic() - self._traffic_read[pointer] < _TRAFFIC_AGE_S:
            return
        self._traffic_read[pointer] = monotonic()  # one caller looks, others go on meanwhile
        with suppress(ServiceError, *_BROKEN_CARD):  # what is known still holds; requests will tell
            config = await self._triton.model_config(pointer, POINTER_VERSION)
            if Traffic.of(config.parameters) != self._traffic.get(pointer):
                await self.refresh()

    def _expected(self) -> Mapping[str, Model]:
        """The models that are there, and those that are away but were there a moment ago."""
        since = monotonic() - EXPECTED_BACK_S
        lately = {name: model for name, (model, seen) in self._last_seen.items() if seen > since}
        return {**lately, **self._models}

    async def _route(self, name: str, ready: Mapping[str, Sequence[int]]) -> Route[Model] | None:
        """The versions of a model that serve; None if it is of another kind or does not serve."""
        versions = ready[name]
        try:
            config = await self._triton.model_config(name, versions[-1])
            pointer = config.parameters.get(POINTER_PARAMETER)
            if pointer is None:
                traffic: Traffic | None = Traffic(versions[-1], None, 0.0)
            else:
                self._pointers[name] = pointer
                traffic = await self._traffic_of(pointer, ready)
            return self._parse_route(name, config, traffic, versions)
        except (NotFound, Unavailable):
            return None  # unloaded since it was listed
        except _BROKEN_CARD as error:
            log.warning("broken model card", model=name, versions=versions, reason=repr(error))
            return None

    def _parse_route(
        self,
        name: str,
        config: ModelConfig,
        traffic: Traffic | None,
        versions: Sequence[int],
    ) -> Route[Model] | None:
        if traffic is None or traffic.stable not in versions:
            return None
        stable = self._parse(name, traffic.stable, config)
        if stable is None:
            return None
        if traffic.candidate is None or traffic.candidate not in versions:
            return Route(stable)
        return Route(stable, self._parse(name, traffic.candidate, config), traffic.share)

    async def _traffic_of(self, pointer: str, ready: Mapping[str, Sequence[int]]) -> Traffic | None:
        """What the pointer says, or said last: while it is loaded anew it is away for a moment."""
        self._traffic_read[pointer] = monotonic()
        if pointer in ready:
            config = await self._triton.model_config(pointer, POINTER_VERSION)
            self._traffic[pointer] = Traffic.of(config.parameters)
        return self._traffic.get(pointer)


async def with_successors(
    served: S,
    work: Callable[[S], Awaitable[T]],
    successor: Callable[[S], Awaitable[S | None]],
    *,
    failures: tuple[type[ServiceError], ...] = (Unavailable,),
    patience_s: float = 0.0,
) -> T:
    """Do `work` with what is served; where that fails, do it again with what is served instead.

    Args:
        served: what to begin with.
        work: leaves nothing behind when it fails.
        successor: looks what is served after a failure, in place of what failed; None: nothing
            else, so that another attempt would be in vain.
        failures: what work raises when it is not being served any more.
        patience_s: seconds from the first failure on in which attempts may fail; 0: a single
            further one is made.

    Raises:
        What `work` raised last, or `successor`.
    """
    give_up = None
    while True:
        try:
            return await work(served)
        except failures:
            now = monotonic()
            if give_up is not None and now >= give_up:
                raise
            give_up = give_up or now + patience_s
            following = await successor(served)
            if following is None:
                raise
            served = following


def numbers(metrics: Mapping[str, Any]) -> Mapping[str, float]:
    """The plain numbers among a card's metrics; cards may hold intervals and notes besides."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
