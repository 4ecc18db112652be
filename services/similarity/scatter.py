"""Asks every shard of an index and merges the answers: exactly, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.engine import Found, merge
from services.common.rpc.errors import Unavailable
from services.common.triton.client import Triton
from services.similarity import contract
from services.similarity.indexes import Index

T = TypeVar("T")


@dataclass(frozen=True)
class Gathered:
    """What all shards together found; its `rows` are ids."""

    found: Found
    score_ids: NDArray[np.int64]  # of `found.scores`, ascending; empty unless asked for


class Scatter:
    """The Tritons as one search engine."""

    def __init__(self, tritons: Sequence[Triton]) -> None:
        """`tritons`: as the shards' places count them."""
        self._tritons = tritons
        # By what is asked for: with turns in common, searches and the lookups of their images that
        # alternate would go to one of two Tritons each.
        self._turns: dict[tuple[str, ...], Iterator[int]] = {}

    async def search(
        self, index: Index, query_HWC: NDArray[np.uint8], k: int, *, all_scores: bool
    ) -> Gathered:
        """Search all shards of `index` at a time.

        Raises:
            Unavailable: a shard, which is named, does not answer, or the index has changed.
            DeadlineExceeded, Internal: see `errors.py`.
        """
        tasks = [
            asyncio.create_task(self._search_shard(index, number, query_HWC, k, all_scores))
            for number in range(len(index.shards))
        ]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()  # what is left when one has failed
        if any(answer.digest != index.digest for answer in answers):
            raise Unavailable(f"the index {index.name!r} has just changed; try again")
        # Ids ascend from shard to shard: ties go to the lower id, as within a shard.
        found = merge([(0, answer.found) for answer in answers], k)
        return Gathered(found, np.concatenate([answer.score_ids for answer in answers]))

    async def copies(
        self, index: Index, image_HWC: NDArray[np.uint8], k: int, false_alarm_rate: float
    ) -> contract.Copies:
        """The images of `index` that a picture of its shape may be a changed copy of.

        Raises:
            NotFound: there is no copy detector, or the index's images are not embedded.
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._first_to_answer(
            self._in_turn(index.tritons, "copies", index.name),
            lambda at: contract.find_copies(
                self._tritons[at], index.name, index.digest, image_HWC, k, false_alarm_rate
            ),
            f"the embeddings of {index.name!r}",
        )

    async def images(self, index: Index, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The images of these ids, uint8 [n, H, W, C]; n may be 0.

        Raises:
            NotFound: the index holds no image of one of these ids.
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        if not len(ids):
            return np.empty((0, *index.shape), np.uint8)
        return await self._first_to_answer(
            self._in_turn(index.tritons, "images", index.name),
            lambda at: contract.images(self._tritons[at], index.name, ids),
            f"the images of {index.name!r}",
        )

    async def _search_shard(
        self, index: Index, number: int, query: NDArray[np.uint8], k: int, all_scores: bool
    ) -> contract.Answer:
        shard = index.shards[number]
        name = f"{index.name}/{shard.name}"

        def ask(at: int) -> Awaitable[contract.Answer]:
            own = contract.own_model(index.name, shard.name)
            model = own if at in shard.scanners else contract.SEARCH_MODEL
            return contract.search(
                self._tritons[at], name, query, k, all_scores=all_scores, model=model
            )

        # Neighbouring shards begin at different Tritons, so that these share each query.
        places = self._in_turn(shard.tritons, "search", name, first=number)
        return await self._first_to_answer(places, ask, f"the shard {name!r}")

    async def _first_to_answer(
        self, places: Sequence[int], ask: Callable[[int], Awaitable[T]], what: str
    ) -> T:
        """Ask one Triton after the other, by its place.

        Raises:
            Unavailable: none of them answers; names `what`.
        """
        failure: Exception | None = None
        for place in places:
            try:
                return await ask(place)
            except Unavailable as error:
                failure = error
        raise Unavailable(f"{what} cannot be reached just now; try again") from failure

    def _in_turn(self, places: Sequence[int], *what: str, first: int = 0) -> Sequence[int]:
        """These places, each time that `what` is asked for beginning with the next one."""
        if not places:
            return places
        start = next(self._turns.setdefault(what, count(first))) % len(places)
        return (*places[start:], *places[:start])
