"""What is particular about turning results into messages."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from services.common.pictures.headers import PictureFile
from services.similarity.response import search_result
from services.similarity.types import SearchResult


@pytest.mark.parametrize("count", [0, 3, 1000])
def test_all_scores_reach_the_message_exactly(count):
    ids = np.arange(count, dtype=np.int64) * 2**33
    scores = np.linspace(-1, 1, count, dtype=np.float32)
    result = SearchResult(
        index=cast("Any", SimpleNamespace(name="noise", digest="d", definition="uniform")),
        picture=PictureFile(b"", "PNG", 1, 1),
        prepared=cast("Any", SimpleNamespace(steps=())),
        matches=[],
        count=0,
        mean=0.0,
        histogram=np.zeros(1000, np.int64),
        verdict=None,
        score_ids=ids[::-1],  # buffers need not be contiguous
        scores=scores,
        copies=None,
    )
    message = search_result(result)
    assert list(message.score_ids) == ids[::-1].tolist()
    assert np.array_equal(np.array(message.scores, np.float32), scores)
