"""The indexes that the Tritons serve between them, as their manifests describe them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeAlias, TypeVar

import structlog

from animegan_search.ssim.verdict import Calibration
from services.common.rpc import deadline
from services.common.rpc.errors import (
    DeadlineExceeded,
    Internal,
    NotFound,
    ServiceError,
    Unavailable,
)
from services.common.triton.catalogue import EXPECTED_BACK_S, LOOK_AGAIN_S, with_successors
from services.common.triton.client import Triton
from services.similarity import contract

# A Triton that lives tells what it serves within so long; longer than silence takes to be noticed.
_TELL_S = 5.0

# What one that is late told before holds for so long: then it hangs, and indexes may have changed.
_HOLDS_S = 30.0

NO_INDEX = (
    "there is no index yet: `make index` builds the default one, `anime-gan index build` any other"
)

# What a Triton tells: its manifest, None where it is away, and its ready models.
_Told: TypeAlias = tuple[Mapping[str, Any] | None, Collection[str]]
_NOTHING: _Told = (None, ())

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
    scanners: frozenset[int] = frozenset()  # those of them that have a model for this shard alone


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
        """Ask `tritons`, by address; requests that name no index mean `default_index`.

        Where that was never seen and there is just one index, be it damaged or away for a moment,
        they mean this one.
        """
        self._urls = tuple(tritons)
        self.tritons = tuple(tritons.values())
        self._default_index = default_index
        self._indexes: Mapping[str, Index] = {}
        self._troubles: Mapping[str, str] = {}  # by index
        self._refused: set[tuple[str, str]] = set()  # index and reason, as they were logged
        self._told: dict[str, tuple[_Told, float]] = {}  # by Triton's address: the last, and when
        self._away: Collection[str] = ()  # addresses of Tritons
        self._last_seen: dict[str, float] = {}
        self._refreshed = -LOOK_AGAIN_S
        self._refreshing = asyncio.Lock()

    @property
    def default_index(self) -> str:
        """What requests mean that name no index."""
        name = self._default_index
        if name in self._last_seen or name in self._troubles or self._away:
            return name
        now = monotonic()
        late = {known for known, at in self._last_seen.items() if now - at < EXPECTED_BACK_S}
        others = late.union(self._indexes, self._troubles)
        return others.pop() if len(others) == 1 else name

    def known(self) -> tuple[Mapping[str, Index], Mapping[str, str]]:
        """The indexes by name as they were last seen, and what is wrong with other ones."""
        return self._indexes, self._troubles

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
        asked, name = name, name or self.default_index
        if name not in self._indexes and monotonic() - self._refreshed >= LOOK_AGAIN_S:
            await self.refresh()
            name = asked or self.default_index
        if name in self._indexes:
            return self._indexes[name]
        if name in self._troubles:
            raise Unavailable(f"the index {name!r} {self._troubles[name]}")
        missing_s = monotonic() - self._last_seen.get(name, -EXPECTED_BACK_S)
        if missing_s < EXPECTED_BACK_S or self._away:
            raise Unavailable(f"the index {name!r} is not being served just now; try again")
        names = ", ".join(sorted(self._indexes))
        raise NotFound(f"no index {name!r}; there are: {names}" if names else NO_INDEX)

    async def run(self, name: str, work: Callable[[Index], Awaitable[T]]) -> T:
        """Do `work` with the index as it is now.

        If it, or who serves it, changes meanwhile, the work is done once more.

        Raises:
            NotFound, Unavailable: as `find`, or the work cannot be done just now.
        """

        async def successor(failed: Index) -> Index | None:
            await self.refresh()
            current = await self.find(name)
            same = (current.digest, current.shards) == (failed.digest, failed.shards)
            return None if same else current

        return await with_successors(await self.find(name), work, successor)

    async def refresh(self, seconds: float = _TELL_S) -> None:
        """Ask all Tritons. Callers that wait for their turn to ask share the next answer.

        One that is away is left out. Of one that lives, but is late, holds what it told a moment
        ago: nobody loses a shard because its Triton is busy.

        Args:
            seconds: that each Triton has for its answer.

        Raises:
            Unavailable: none of them answers.
        """
        asked = monotonic()
        async with self._refreshing:
            if self._refreshed > asked:
                return
            began = monotonic()
            answers = await asyncio.gather(
                *(
                    self._tell(url, triton, seconds)
                    for url, triton in zip(self._urls, self.tritons, strict=True)
                )
            )
            failures = {
                url: answer
                for url, answer in zip(self._urls, answers, strict=True)
                if isinstance(answer, ServiceError)
            }
            self._away = set(failures)
            if len(failures) == len(answers):
                raise next(iter(failures.values()))
            told = [_NOTHING if isinstance(one, ServiceError) else one for one in answers]
            manifests = [manifest for manifest, _ in told]
            models = {place: ready for place, (_, ready) in enumerate(told)}
            self._indexes, self._troubles = combine(manifests, models)
            self._log_refused(manifests)
            # An answer is as old as its question: who has noticed a change meanwhile asks again.
            self._refreshed = began
            self._last_seen |= dict.fromkeys(self._indexes, self._refreshed)

    async def check_every_shard(self) -> None:
        """Look for indexes; each of their shards needs a Triton that answers a canary.

        A Triton that is away is no trouble while others serve its shards: a pod that is replaced
        must not take all replicas of this service out of the balance.

        Raises:
            ServiceError: nobody answers; or for a shard, which is named, nobody who serves it.
        """
        await self.refresh(min(_TELL_S, deadline.remaining() / 3))
        failures = await asyncio.gather(*(self._canary(triton) for triton in self.tritons))
        well = {place for place, failure in enumerate(failures) if failure is None}
        if not well:
            raise next(failure for failure in failures if failure)
        for index in self._indexes.values():
            for shard in index.shards:
                if well.isdisjoint(shard.tritons):
                    raise Unavailable(f"nobody who serves {index.name}/{shard.name} answers")

    async def _canary(self, triton: Triton) -> ServiceError | None:
        """Why this Triton's search model is not well; None if it is."""
        try:
            # One that hangs leaves the time to judge the others.
            async with deadline.within(deadline.remaining() / 2):
                await contract.canary(triton)
        except ServiceError as error:
            return error
        return None

    async def _tell(self, url: str, triton: Triton, seconds: float) -> _Told | ServiceError:
        try:
            async with deadline.within(seconds):
                manifest, models = await asyncio.gather(
                    contract.manifest(triton), triton.ready_versions()
                )
        except DeadlineExceeded as error:
            told, when = self._told.get(url, (error, monotonic()))
            return told if monotonic() - when < _HOLDS_S else error
        except ServiceError as error:
            return error
        try:
            told = json.loads(manifest), models.keys()
            combine([told[0]])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # Of another release than ours: it must not take the others' indexes away.
            return Internal(f"{url}: its manifest cannot be read: {error!r}")
        self._told[url] = told, monotonic()
        return told

    def _log_refused(self, manifests: Sequence[Mapping[str, Any] | None]) -> None:
        """Log what is damaged, once."""
        refused = {
            item for manifest in manifests if manifest for item in manifest["refused"].items()
        }
        for name, reason in sorted(refused - self._refused):
            log.error("an index is refused", index=name, reason=reason)
        self._refused = refused


def combine(
    manifests: Sequence[Mapping[str, Any] | None],
    models: Mapping[int, Collection[str]] | None = None,
) -> tuple[Mapping[str, Index], Mapping[str, str]]:
    """Join what the Tritons say.

    Args:
        manifests: of each Triton, as `ssim_index` gives them; None: it is away.
        models: the ready ones of each Triton, by its place; None: those that all have.

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
    indexes = {name: _index(told[name], models or {}) for name in told.keys() - troubles.keys()}
    return indexes, troubles


def _index(descriptions: Sequence[tuple[int, Any]], models: Mapping[int, Collection[str]]) -> Index:
    """One index from the equal descriptions of its servers, and the models that these have."""
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
            _shard(first["name"], shard, _servers(descriptions, place), models)
            for place, shard in enumerate(first["shards"])
        ),
        tritons=tuple(place for place, _ in descriptions),
        calibration=Calibration.from_json(calibration) if calibration else None,
    )


def _servers(descriptions: Sequence[tuple[int, Any]], shard: int) -> tuple[int, ...]:
    return tuple(at for at, told in descriptions if told["shards"][shard]["served"])


def _shard(
    index: str,
    told: Mapping[str, Any],
    tritons: tuple[int, ...],
    models: Mapping[int, Collection[str]],
) -> Shard:
    own = contract.own_model(index, told["name"])
    scanners = frozenset(at for at in tritons if own in models.get(at, ()))
    return Shard(told["name"], told["alive"], tritons, scanners)
