"""The tensors of the models behind this service: what is asked of one Triton.

    ssim_search  query UINT8 [B,H,W,C], k INT32 [B,1], shard BYTES [B,1], all_scores BOOL [B,1]
                 -> id, ssim, count, total, mean, histogram, digest, score_id, scores, B rows each
                 ssim_search_<index>_<shard>, where there is one, answers the same with a scan of
                 its own, such as on a GPU (`anime-gan index export-scan`)
    ssim_index   shard BYTES [1], ids INT64 [n] -> manifest BYTES [1], images UINT8 [n,H,W,C]

    copy_detector  image UINT8 [B,H,W,3] -> embedding FP32 [B,E]
    copy_search    index BYTES [1], embedding FP32 [E], k INT32 [1], false_alarm_rate FP64 [1]
                   -> id INT64 [k'], similarity FP32 [k'], p_value, threshold FP64 [1], digest BYTES

B is 1 here: Triton itself joins the queries of concurrent calls into one pass over a shard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from animegan_search.ssim.engine import Found
from services.common.rpc.errors import Internal, NotFound, Unavailable
from services.common.triton.client import Triton

SEARCH_MODEL = "ssim_search"
INDEX_MODEL = "ssim_index"
COPY_DETECTOR_MODEL = "copy_detector"
COPY_SEARCH_MODEL = "copy_search"

# Asks a model about itself: the engine answers a small question whose answer is known.
CANARY = ""

_FOUND = ("id", "ssim", "count", "total", "histogram", "digest")
_SCORES = ("score_id", "scores")
_COPIES = ("id", "similarity", "p_value", "threshold", "digest")
_NO_PICTURE = np.zeros((1, 1, 1), np.uint8)

log = structlog.get_logger()


@dataclass(frozen=True)
class Answer:
    """What a shard found; its `rows` are ids."""

    found: Found
    score_ids: NDArray[np.int64]  # of `found.scores`; empty unless asked for
    digest: str  # of the index as it was searched


@dataclass(frozen=True)
class Copies:
    """What a picture may be a changed copy of."""

    ids: Sequence[int]  # nearest first
    similarities: Sequence[float]  # cosines, -1 to 1
    p_value: float
    threshold: float
    false_alarm_rate: float

    @property
    def copied(self) -> bool:
        """Whether the nearest image is nearer than unseen images are."""
        return self.similarities[0] > self.threshold


def own_model(index: str, shard: str) -> str:
    """The model that searches this shard alone, if there is one."""
    return f"{SEARCH_MODEL}_{index}_{shard}"


async def search(
    triton: Triton,
    shard: str,
    query_HWC: NDArray[np.uint8],
    k: int,
    *,
    all_scores: bool,
    model: str = SEARCH_MODEL,
) -> Answer:
    """Search the shard "<index>/<shard>" with `model`.

    Where that is a shard's own and fails, as it does when its scan is of an earlier state of the
    shard, `ssim_search` answers.

    Raises:
        Unavailable: this Triton does not serve it (any more), or is away.
        DeadlineExceeded, Internal: see `errors.py`.
    """
    inputs: dict[str, NDArray[Any]] = {
        "query": query_HWC[np.newaxis],
        "k": np.array([[k]], np.int32),
        "shard": _bytes([[shard]]),
        "all_scores": np.array([[all_scores]]),
    }
    names = _FOUND + _SCORES if all_scores else _FOUND
    try:
        tensors = await _ask_search(triton, model, inputs, names)
    except (Unavailable, Internal) as error:
        if model == SEARCH_MODEL:
            raise
        log.warning("a shard's own model failed", model=model, reason=str(error))
        tensors = await _ask_search(triton, SEARCH_MODEL, inputs, names)
    row = {name: tensor[0] for name, tensor in tensors.items()}
    found = Found(
        rows=row["id"],
        ssim=row["ssim"],
        count=int(row["count"][0]),
        total=float(row["total"][0]),
        histogram=row["histogram"],
        scores=row.get("scores", np.empty(0, np.float32)),
    )
    score_ids = row.get("score_id", np.empty(0, np.int64))
    return Answer(found, score_ids, row["digest"][0].decode())


async def _ask_search(
    triton: Triton, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
) -> Mapping[str, NDArray[Any]]:
    try:
        return await triton.infer_all(model, None, inputs, outputs)
    except NotFound as error:
        raise Unavailable(str(error)) from error


async def canary(triton: Triton) -> None:
    """Let the search model answer a small question.

    Raises:
        ServiceError: it did not, or wrongly.
    """
    await search(triton, CANARY, _NO_PICTURE, 1, all_scores=False)


async def manifest(triton: Triton) -> bytes:
    """What a Triton says about its indexes, JSON as animegan_kernels/search/library.h describes it.

    Raises:
        Unavailable, DeadlineExceeded, Internal: see `errors.py`.
    """
    tensors = await _ask_index(triton, CANARY, np.empty(0, np.int64), "manifest")
    content: bytes = tensors[0]
    return content


async def images(triton: Triton, shard: str, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The images of these ids, UINT8 [n, H, W, C], from the index called `shard`.

    Raises:
        NotFound: the index does not hold one of them (any more).
        Unavailable, DeadlineExceeded, Internal: see `errors.py`.
    """
    return await _ask_index(triton, shard, ids, "images")


async def find_copies(
    triton: Triton,
    index: str,
    digest: str,
    image_HWC: NDArray[np.uint8],
    k: int,
    false_alarm_rate: float,
) -> Copies:
    """Embed a picture of the index's shape, and search the embeddings of the index's images.

    `digest` is of the state of the index that the answer has to be about.

    Raises:
        NotFound: this Triton has no copy detector, or the index's images are not embedded there.
        Unavailable: the embeddings are of another state of the index, or see `errors.py`.
        DeadlineExceeded, Internal: see `errors.py`.
    """
    image = {"image": image_HWC[np.newaxis]}
    embedded = await triton.infer_all(COPY_DETECTOR_MODEL, None, image, ("embedding",))
    question: Mapping[str, NDArray[Any]] = {
        "index": _bytes([index]),
        "embedding": embedded["embedding"][0],
        "k": np.array([k], np.int32),
        "false_alarm_rate": np.array([false_alarm_rate]),
    }
    answer = await triton.infer_all(COPY_SEARCH_MODEL, None, question, _COPIES)
    if answer["digest"][0].decode() != digest:
        raise Unavailable(f"the index {index!r} has just changed; try again")
    return Copies(
        ids=answer["id"].tolist(),
        similarities=answer["similarity"].tolist(),
        p_value=float(answer["p_value"][0]),
        threshold=float(answer["threshold"][0]),
        false_alarm_rate=false_alarm_rate,
    )


async def _ask_index(
    triton: Triton, shard: str, ids: NDArray[np.int64], output: str
) -> NDArray[Any]:
    inputs = {"shard": _bytes([shard]), "ids": ids}
    try:
        return (await triton.infer_all(INDEX_MODEL, None, inputs, (output,)))[output]
    except NotFound as error:
        if INDEX_MODEL in str(error):  # Triton names the model that is not there just now
            raise Unavailable(str(error)) from error
        raise


def _bytes(text: list[str] | list[list[str]]) -> NDArray[np.object_]:
    """A BYTES tensor."""
    return np.char.encode(np.array(text)).astype(np.object_)
