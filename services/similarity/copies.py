"""The tensors of the copy detector and of its search: what is asked of one Triton.

copy_detector  image UINT8 [B,H,W,3] -> embedding FP32 [B,E]
copy_search    index BYTES [1], embedding FP32 [E], k INT32 [1], false_alarm_rate FP64 [1]
               -> id INT64 [k'], similarity FP32 [k'], p_value, threshold FP64 [1], digest BYTES
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.rpc.errors import Unavailable
from services.common.triton.client import Triton
from services.similarity.indexes import Index

DETECTOR_MODEL = "copy_detector"
SEARCH_MODEL = "copy_search"

_OUTPUTS = ("id", "similarity", "p_value", "threshold", "digest")


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


async def find_copies(
    triton: Triton, index: Index, image_HWC: NDArray[np.uint8], k: int, false_alarm_rate: float
) -> Copies:
    """Embed a picture of the index's shape, and search the embeddings of the index's images.

    Raises:
        NotFound: this Triton has no copy detector, or the index's images are not embedded there.
        Unavailable: the embeddings are of another state of the index, or see `errors.py`.
        DeadlineExceeded, Internal: see `errors.py`.
    """
    image = {"image": image_HWC[np.newaxis]}
    embedding = (await triton.infer_all(DETECTOR_MODEL, None, image, ("embedding",)))["embedding"]
    question: Mapping[str, NDArray[Any]] = {
        "index": np.array([index.name.encode()], np.object_),
        "embedding": embedding[0],
        "k": np.array([k], np.int32),
        "false_alarm_rate": np.array([false_alarm_rate]),
    }
    answer = await triton.infer_all(SEARCH_MODEL, None, question, _OUTPUTS)
    if answer["digest"][0].decode() != index.digest:
        raise Unavailable(f"the index {index.name!r} has just changed; try again")
    return Copies(
        ids=answer["id"].tolist(),
        similarities=answer["similarity"].tolist(),
        p_value=float(answer["p_value"][0]),
        threshold=float(answer["threshold"][0]),
        false_alarm_rate=false_alarm_rate,
    )
