"""Which methods there are: networks that Triton serves, and filters that are always there."""

from collections.abc import Sequence

from services.upscaler.models import Catalogue, Method, methods
from services.upscaler.order import Wish
from services.upscaler.plan import Filter, Job

_FILTERS = {choice.value: choice for choice in Filter}


class Methods:
    """Turns names of methods into what does the work."""

    def __init__(self, catalogue: Catalogue, default_method: str) -> None:
        """Know the models of `catalogue`; requests that name no method mean `default_method`."""
        self._catalogue = catalogue
        self.default = default_method

    async def job(self, wish: Wish) -> Job:
        """What a request wants done.

        Raises:
            NotFound: there is no such method; lists those there are.
            Unavailable: it is away, or it is the default: callers are not to blame.
        """
        return Job(await self._find(wish.method or self.default), wish.scale, wish.noise, wish.tta)

    async def all(self) -> Sequence[Method | Filter]:
        """Networks that are there, sorted by name, then filters.

        Raises:
            Unavailable: Triton has never answered yet.
        """
        return [*methods(await self._catalogue.all()).values(), *Filter]

    async def refresh(self) -> Method | Filter:
        """Look for models; return the default method.

        Raises:
            ServiceError: Triton does not answer, or the default method is not there.
        """
        await self._catalogue.refresh()
        return await self._find(self.default)

    async def _find(self, name: str) -> Method | Filter:
        if name in _FILTERS:
            return _FILTERS[name]
        return await self._catalogue.find(
            name, besides=tuple(_FILTERS), expect=name == self.default
        )
