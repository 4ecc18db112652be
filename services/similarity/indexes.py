"""The indexes that the Tritons serve between them, as their manifests describe them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import structlog

from animegan_ssim.verdict import Calibration
from services.common.errors import NotFound, ServiceError, Unavailable
from services.common.triton_client import Triton
from services.similarity import shards

# Callers that name unknown indexes cause at most one look at the Tritons per this many seconds.
_LOOK_AGAIN_S = 1.0

# An index that vanishes is expected back for so long: its Tritons may be restarting.
_EXPECTED_BACK_S = 60.0

NO_INDEX = (
    "there is no index yet: `make index` builds the default one, `anime-gan index build` any other"
)

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True)
class Source:
    """A dataset in an index: image i of it has the id first_id + i."""

    name: str
    digest: str
    licence: str
    first_id: int
    count: int


@dataclass(frozen=True)
class Shard:
    """A part of an index, and who serves it."""

    name: str
    count: int
    tritons: tuple[int, ...]  # places in the service's list of Tritons; () means nobody


@dataclass(frozen=True)
class Index:
    """An index as all its Tritons describe it."""

    name: str
    definition: str
    shape: tuple[int, int, int]  # H, W, C
    count: int
    digest: str
    sources: tuple[Source, ...]
    shards: tuple[Shard, ...]
    tritons: tuple[int, ...]  # that have its images
    calibration: Calibration | None


class Catalogue:
    """Knows the indexes that are served now. The readiness probe refreshes it every few seconds."""

    def __init__(self, tritons: Mapping[str, Triton], default_index: str) -> None:
        """Ask `tritons`, by address; requests that name no index mean `default_index`."""
        self._urls = tuple(tritons)
        self.tritons = tuple(tritons.values())
        self.default_index = default_index
        self._indexes: Mapping[str, Index] = {}
        self._troubles: Mapping[str, str] = {}  # by index
        self._away: Mapping[str, ServiceError] = {}  # by Triton's address
        self._last_seen: dict[str, float] = {}
        self._refreshed = -_LOOK_AGAIN_S
        self._refreshing = asyncio.Lock()

    async def all(self) -> Sequence[Index]:
        """All indexes, sorted by name.

        Raises:
            Unavailable: no Triton answers.
        """
        if not self._indexes:
            await self.refresh()
        return [self._indexes[name] for name in sorted(self._indexes)]

    async def find(self, name: str) -> Index:
        """The index `name`, or the default index for "".

        Raises:
            NotFound: there is none; lists those there are, or says how to make the first.
            Unavailable: there was one lately, or it is damaged: callers are not to blame.
        """
        name = name or self.default_index
        if name not in self._indexes and monotonic() - self._refreshed >= _LOOK_AGAIN_S:
            await self.refresh()
        if name in self._indexes:
            return self._indexes[name]
        if name in self._troubles:
            raise Unavailable(f"the index {name!r} {self._troubles[name]}")
        missing_s = monotonic() - self._last_seen.get(name, -_EXPECTED_BACK_S)
        if missing_s < _EXPECTED_BACK_S or self._away:
            raise Unavailable(f"the index {name!r} is not being served just now; try again")
        names = ", ".join(sorted(self._indexes))
        raise NotFound(f"no index {name!r}; there are: {names}" if names else NO_INDEX)

    async def run(self, name: str, work: Callable[[Index], Awaitable[T]]) -> T:
        """Do `work` with the index as it is now.

        If it, or who serves it, changes meanwhile, the work is done once more.

        Raises:
            NotFound, Unavailable: as `find`, or the work cannot be done just now.
        """
        index = await self.find(name)
        try:
            return await work(index)
        except Unavailable:
            await self.refresh()
            current = await self.find(name)
            if (current.digest, current.shards) == (index.digest, index.shards):
                raise
            return await work(current)

    async def refresh(self) -> None:
        """Ask all Tritons. Callers that come while somebody asks share the answer.

        Raises:
            Unavailable: none of them answers.
        """
        asked = monotonic()
        async with self._refreshing:
            if self._refreshed > asked:
                return
            answers = await asyncio.gather(*(self._manifest(triton) for triton in self.tritons))
            self._away = {
                url: answer
                for url, answer in zip(self._urls, answers, strict=True)
                if isinstance(answer, ServiceError)
            }
            if len(self._away) == len(self._urls):
                raise next(iter(self._away.values()))
            self._indexes, self._troubles = combine(
                [None if isinstance(answer, ServiceError) else answer for answer in answers]
            )
            self._refreshed = monotonic()
            self._last_seen |= dict.fromkeys(self._indexes, self._refreshed)

    async def check_all_answer(self) -> None:
        """Look for indexes and let the search model of every Triton answer its canary.

        Raises:
            ServiceError: one of them does not.
        """
        await self.refresh()
        for url, error in self._away.items():
            raise Unavailable(f"the Triton at {url} does not answer") from error
        await asyncio.gather(*(shards.canary(triton) for triton in self.tritons))

    async def _manifest(self, triton: Triton) -> Mapping[str, Any] | ServiceError:
        try:
            manifest: Mapping[str, Any] = json.loads(await shards.manifest(triton))
        except ServiceError as error:
            return error
        for name, reason in manifest["refused"].items():
            log.error("an index is refused", index=name, reason=reason)
        return manifest


def combine(
    manifests: Sequence[Mapping[str, Any] | None],
) -> tuple[Mapping[str, Index], Mapping[str, str]]:
    """Join what the Tritons say.

    Args:
        manifests: of each Triton, as `animegan_ssim.library` describes them; None: it is away.

    Returns:
        The indexes by name; and what is wrong with those that cannot be searched, by name.
    """
    troubles: dict[str, str] = {}
    told: dict[str, list[tuple[int, Any]]] = {}
    for place, manifest in enumerate(manifests):
        if manifest is None:
            continue
        troubles |= dict.fromkeys(manifest["refused"], "is damaged, and has to be built anew")
        for description in manifest["indexes"]:
            told.setdefault(description["name"], []).append((place, description))
    for name, descriptions in told.items():
        if len({description["digest"] for _, description in descriptions}) > 1:
            troubles[name] = "is being replaced: its servers have different states; try again"
    indexes = {name: _index(told[name]) for name in told.keys() - troubles.keys()}
    return indexes, troubles


def _index(descriptions: Sequence[tuple[int, Any]]) -> Index:
    """One index from the equal descriptions of its servers."""
    _, first = descriptions[0]
    calibration = first["calibration"]
    return Index(
        name=first["name"],
        definition=first["definition"],
        shape=tuple(first["shape"]),
        count=first["count"],
        digest=first["digest"],
        sources=tuple(Source(**source) for source in first["sources"]),
        shards=tuple(
            Shard(
                shard["name"],
                shard["alive"],
                tuple(at for at, told in descriptions if told["shards"][place]["served"]),
            )
            for place, shard in enumerate(first["shards"])
        ),
        tritons=tuple(place for place, _ in descriptions),
        calibration=Calibration.from_json(calibration) if calibration else None,
    )
