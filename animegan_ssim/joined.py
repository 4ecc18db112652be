"""Questions of many callers, answered with one pass over each shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from animegan_ssim.definition import UNIFORM7
from animegan_ssim.engine import Engine, Found
from animegan_ssim.index import SearchIndexError
from animegan_ssim.library import Library, NotServedError, Serving
from animegan_ssim.tiles import Images, pack

CANARY = ""
"""Named instead of a shard: the engine answers a small question whose answer is known."""

# Noise: the first picture finds itself, and nothing else is like it.
_CANARY_IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


class WrongQuestionError(ValueError):
    """The question does not fit the shard; the message says how."""


class WrongAnswerError(RuntimeError):
    """The engine got the canary wrong: nothing that it says can be trusted."""


@dataclass(frozen=True, eq=False)
class Question:
    """Some pictures to look for in one shard.

    Attributes:
        shard: "<index>/<shard>", or CANARY.
        queries: uint8 [B, H, W, C].
        k: how many of the nearest.
    """

    shard: str
    queries: Images
    k: int


@dataclass(frozen=True, eq=False)
class Reply:
    """What was found.

    Attributes:
        digest: of the index, as it was searched.
        ids: int64 [count], what the shard's rows are called.
        found: for each of the pictures.
    """

    digest: str
    ids: NDArray[np.int64]
    found: Sequence[Found]


Refusal = NotServedError | SearchIndexError | WrongQuestionError | WrongAnswerError


class Searcher:
    """Answers questions from a library."""

    def __init__(self, library: Library, *, backend: str = "auto") -> None:
        """Answer from `library`; `backend` is that of the canary, as `Engine` takes it."""
        self._library = library
        tiles = pack(_CANARY_IMAGES)
        self._canary = Engine(tiles, len(_CANARY_IMAGES), UNIFORM7, backend=backend, threads=1)

    def answer(self, questions: Sequence[Question]) -> list[Reply | Refusal]:
        """Answer each question, or say why not; those for one shard share one pass over it."""
        places: dict[str, list[int]] = {}
        for place, question in enumerate(questions):
            places.setdefault(question.shard, []).append(place)
        replies: dict[int, Reply | Refusal] = {}
        for shard, group in places.items():
            answers = self._answer_for(shard, [questions[place] for place in group])
            replies |= zip(group, answers, strict=True)
        return [replies[place] for place in range(len(questions))]

    def canary(self) -> Reply:
        """Answer the canary's question.

        Raises:
            WrongAnswerError: the answer is not what it must be.
        """
        (found,) = self._canary.search(_CANARY_IMAGES[:1], k=1)
        if found.rows.tolist() != [0] or abs(found.ssim[0] - 1) > UNIFORM7.tolerance:
            raise WrongAnswerError(f"an image does not find itself: {found.rows}, {found.ssim}")
        return Reply("", np.arange(len(_CANARY_IMAGES)), [found])

    def _answer_for(self, shard: str, questions: Sequence[Question]) -> list[Reply | Refusal]:
        try:
            if shard == CANARY:
                reply = self.canary()
                return [replace(reply, found=[*reply.found] * len(q.queries)) for q in questions]
            return _search_together(self._library.shard(shard), questions)
        except (NotServedError, SearchIndexError, WrongAnswerError) as error:
            return [error] * len(questions)


def _search_together(serving: Serving, questions: Sequence[Question]) -> list[Reply | Refusal]:
    """One pass for all questions that fit the shard."""
    complaints = [_complaint(serving, question) for question in questions]
    fitting = [q for q, complaint in zip(questions, complaints, strict=True) if not complaint]
    replies = _replies(serving, fitting) if fitting else iter(())
    return [complaint or next(replies) for complaint in complaints]


def _complaint(serving: Serving, question: Question) -> WrongQuestionError | None:
    shape = question.queries.shape[1:]
    if shape != serving.index.shape:
        return WrongQuestionError(
            f"the index {serving.index.name} holds images of {serving.index.shape}, "
            f"the query has {shape}"
        )
    return WrongQuestionError(f"k is {question.k}; give 0 or more") if question.k < 0 else None


def _replies(serving: Serving, questions: Sequence[Question]) -> Iterator[Reply]:
    queries = np.concatenate([question.queries for question in questions])
    found = serving.engine.search(queries, max(q.k for q in questions), serving.shard.mask)
    bounds = accumulate((len(question.queries) for question in questions), initial=0)
    for question, (start, end) in zip(questions, pairwise(bounds), strict=True):
        mine = [
            replace(one, rows=one.rows[: question.k], ssim=one.ssim[: question.k])
            for one in found[start:end]
        ]
        yield Reply(serving.index.digest, serving.shard.ids, mine)
