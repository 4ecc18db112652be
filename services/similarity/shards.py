"""The tensors of the two models behind this service: what is asked of one Triton.

    ssim_search  query UINT8 [B,H,W,C], k INT32 [B,1], shard BYTES [B,1], all_scores BOOL [B,1]
                 -> id, ssim, count, total, mean, histogram, digest, score_id, scores, B rows each
    ssim_index   shard BYTES [1], ids INT64 [n] -> manifest BYTES [1], images UINT8 [n,H,W,C]

B is 1 here: Triton itself joins the queries of concurrent calls into one pass over a shard.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animegan_ssim.engine import Found
from services.common.errors import NotFound, Unavailable
from services.common.triton_client import Triton

SEARCH_MODEL = "ssim_search"
INDEX_MODEL = "ssim_index"

# Asks a model about itself: the engine answers a small question whose answer is known.
CANARY = ""

_FOUND = ("id", "ssim", "count", "total", "histogram", "digest")
_SCORES = ("score_id", "scores")
_NO_PICTURE = np.zeros((1, 1, 1), np.uint8)


@dataclass(frozen=True)
class Answer:
    """What a shard found; its `rows` are ids."""

    found: Found
    score_ids: NDArray[np.int64]  # of `found.scores`; empty unless asked for
    digest: str  # of the index as it was searched


async def search(
    triton: Triton, shard: str, query_HWC: NDArray[np.uint8], k: int, *, all_scores: bool
) -> Answer:
    """Search the shard "<index>/<shard>".

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
        tensors = await triton.infer_all(SEARCH_MODEL, None, inputs, names)
    except NotFound as error:
        raise Unavailable(str(error)) from error
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
