"""Asks every shard of an index and merges the answers: exactly, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from animegan_ssim.engine import Found, merge
from services.common.errors import Unavailable
from services.common.triton_client import Triton
from services.similarity import shards
from services.similarity.copies import Copies, find_copies
from services.similarity.indexes import Index, Shard

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
        self._turn = count()

    async def search(
        self, index: Index, query_HWC: NDArray[np.uint8], k: int, *, all_scores: bool
    ) -> Gathered:
        """Search all shards of `index` at a time.

        Raises:
            Unavailable: a shard, which is named, does not answer, or the index has changed.
            DeadlineExceeded, Internal: see `errors.py`.
        """
        tasks = [
            asyncio.create_task(self._search_shard(index, shard, query_HWC, k, all_scores))
            for shard in index.shards
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
    ) -> Copies:
        """The images of `index` that a picture of its shape may be a changed copy of.

        Raises:
            NotFound: there is no copy detector, or the index's images are not embedded.
            Unavailable, DeadlineExceeded, Internal: see `errors.py`.
        """
        return await self._first_to_answer(
            index.tritons,
            lambda at: find_copies(self._tritons[at], index, image_HWC, k, false_alarm_rate),
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
            index.tritons,
            lambda at: shards.images(self._tritons[at], index.name, ids),
            f"the images of {index.name!r}",
        )

    async def _search_shard(
        self, index: Index, shard: Shard, query: NDArray[np.uint8], k: int, all_scores: bool
    ) -> shards.Answer:
        name = f"{index.name}/{shard.name}"

        def ask(at: int) -> Awaitable[shards.Answer]:
            own = shards.own_model(index.name, shard.name)
            model = own if at in shard.scanners else shards.SEARCH_MODEL
            return shards.search(
                self._tritons[at], name, query, k, all_scores=all_scores, model=model
            )

        return await self._first_to_answer(shard.tritons, ask, f"the shard {name!r}")

    async def _first_to_answer(
        self, places: Sequence[int], ask: Callable[[int], Awaitable[T]], what: str
    ) -> T:
        """Ask one Triton after the other, by its place, each call beginning with another one.

        Raises:
            Unavailable: none of them answers; names `what`.
        """
        failure: Exception | None = None
        for place in self._in_turn(places):
            try:
                return await ask(place)
            except Unavailable as error:
                failure = error
        raise Unavailable(f"{what} cannot be reached just now; try again") from failure

    def _in_turn(self, places: Sequence[int]) -> Iterator[int]:
        first = next(self._turn)
        return (places[(first + i) % len(places)] for i in range(len(places)))
