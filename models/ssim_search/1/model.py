"""Exact SSIM search of the shards below $ANIMEGAN_INDEXES, behind Triton's Python backend.

B queries of a request go to one shard, "<index>/<shard>", with one k; the requests that Triton has
joined are answered with one pass over each shard. Outputs, B rows each:

    id INT64 [k'], ssim FP64 [k']      the nearest, nearest first, ties by id; k' = min(k, count).
                                       Double precision: shards are merged by these scores
    count INT64, total FP64, mean FP32 images searched, sum and mean of their scores
    histogram INT64 [1000]             equal bins over [-1, 1]
    digest BYTES                       of the index as it was searched
    score_id INT64 [count], scores FP32 [count]   with `all_scores`, ids ascending; else empty

The shard "" is a canary: the engine answers a small question, whatever the query.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from animegan_ssim.index import SearchIndexError
from animegan_ssim.joined import (
    Question,
    Refusal,
    Reply,
    Searcher,
    WrongAnswerError,
    WrongQuestionError,
)
from animegan_ssim.library import Library, NotServedError

# Names in pb_utils.TritonError, which Triton fills in only after it has imported this file.
_CODES = {
    NotServedError: "NOT_FOUND",
    SearchIndexError: "UNAVAILABLE",
    WrongAnswerError: "INTERNAL",
    WrongQuestionError: "INVALID_ARG",
}


class TritonPythonModel:
    """One instance: all cores of the machine, or one GPU."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Leave the config as it is: the model repository has complete ones."""
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Compile the scan and open all indexes: no query has to wait for that."""
        backend = "cuda" if args["model_instance_kind"] == "GPU" else "auto"
        library = Library.from_environment(backend=backend)
        self._searcher = Searcher(library, backend=backend)
        self._searcher.canary()
        for name, reason in library.load().items():
            pb_utils.Logger.log_error(f"the index {name} is refused: {reason}")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request; none fails for another's sake."""
        questions = [_question(request) for request in requests]
        sound = [question for question in questions if isinstance(question, Question)]
        replies = iter(self._searcher.answer(sound))
        return [
            _response(request, next(replies) if isinstance(question, Question) else question)
            for request, question in zip(requests, questions, strict=True)
        ]


def _question(request: Any) -> Question | WrongQuestionError:
    shards, ks = (set(_input(request, name).ravel().tolist()) for name in ("shard", "k"))
    if len(shards) > 1 or len(ks) > 1:
        return WrongQuestionError("the queries of a request share one shard and one k")
    return Question(shards.pop().decode(errors="replace"), _input(request, "query"), ks.pop())


def _response(request: Any, reply: Reply | Refusal) -> Any:
    if isinstance(reply, SearchIndexError):
        pb_utils.Logger.log_error(str(reply))  # callers are not told of files
    if not isinstance(reply, Reply):
        code = next(code for kind, code in _CODES.items() if isinstance(reply, kind))
        fault = pb_utils.TritonError(str(reply), getattr(pb_utils.TritonError, code))
        return pb_utils.InferenceResponse([], fault)
    all_scores = bool(_input(request, "all_scores").any())
    wanted = set(request.requested_output_names())
    arrays = {name: array for name, array in _arrays(reply, all_scores).items() if name in wanted}
    return pb_utils.InferenceResponse([pb_utils.Tensor(*item) for item in arrays.items()])


def _arrays(reply: Reply, all_scores: bool) -> dict[str, np.ndarray]:
    found = reply.found
    # What is not alive has no score.
    alive = np.flatnonzero(~np.isnan(found[0].scores)) if all_scores else np.empty(0, np.int64)
    return {
        "id": np.stack([reply.ids[one.rows] for one in found]),
        "ssim": np.stack([one.ssim for one in found]),
        "count": np.array([[one.count] for one in found], np.int64),
        "total": np.array([[one.total] for one in found], np.float64),
        "mean": np.array([[one.mean] for one in found], np.float32),
        "histogram": np.stack([one.histogram for one in found]),
        "digest": np.array([[reply.digest.encode()]] * len(found), np.object_),
        "score_id": np.stack([reply.ids[alive]] * len(found)),
        "scores": np.stack([one.scores[alive] for one in found]),
    }


def _input(request: Any, name: str) -> np.ndarray:
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy()
