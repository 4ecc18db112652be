"""Tritons that answer from memory, with the tensors of the two search models."""

import json
from typing import Any

import numpy as np

from services.common.rpc.errors import ServiceError
from services.similarity.contract import CANARY, INDEX_MODEL, SEARCH_MODEL


def description(
    name: str = "faces",
    shards: tuple[bool, ...] = (True, True),
    digest: str = "d1",
    definition: str = "uniform7",
) -> dict[str, Any]:
    """An index as `Library.describe` tells of it; `shards` says which are served."""
    return {
        "name": name,
        "definition": definition,
        "shape": [2, 2, 1],
        "count": 10 * len(shards),
        "digest": digest,
        "sources": [{"name": "s", "digest": "x", "licence": "CC0-1.0", "first_id": 0, "count": 20}],
        "shards": [
            {"name": f"{i:05}", "first": 10 * i, "count": 10, "alive": 10, "served": served}
            for i, served in enumerate(shards)
        ],
        "calibration": None,
    }


class FakeTriton:
    """Serves what its descriptions say: an image's score is 1 / (1 + its id // 2), so pairs tie."""

    def __init__(self, *descriptions: dict[str, Any], refused: dict[str, str] | None = None):
        self.manifest = {"indexes": list(descriptions), "refused": refused or {}}
        self.failure: ServiceError | None = None
        self.searched: list[str] = []
        self.own_models: dict[str, ServiceError | None] = {}  # how they fail, if they do
        self.asked: list[str] = []  # models, of searches

    async def infer_all(self, model, version, inputs, outputs):
        if self.failure:
            raise self.failure
        if model == INDEX_MODEL:
            images = inputs["ids"].astype(np.uint8)[:, None, None, None]
            manifest = json.dumps(self.manifest).encode()
            return {"manifest": np.array([manifest], np.object_), "images": images}
        self.asked.append(model)
        if failure := self.own_models.get(model):
            raise failure
        assert model in {SEARCH_MODEL, *self.own_models}
        shard = inputs["shard"].item().decode()
        self.searched.append(shard)
        return self._found(shard, inputs["k"].item())

    async def ready_versions(self):
        if self.failure:
            raise self.failure
        return {model: [1] for model in (SEARCH_MODEL, INDEX_MODEL, *self.own_models)}

    def _found(self, shard: str, k: int) -> dict[str, np.ndarray]:
        index, _, number = shard.partition("/")
        first = 10 * int(number or 0)
        ids = np.arange(first, first + 10)
        scores = 1 / (1 + ids // 2)
        digests = [one["digest"] for one in self.manifest["indexes"] if one["name"] == index]
        return {
            "id": ids[None, :k],
            "ssim": scores[None, :k],
            "count": np.array([[10]]),
            "total": np.array([[scores.sum()]]),
            "histogram": np.histogram(scores, 1000, (-1, 1))[0][None],
            "digest": np.array([["" if shard == CANARY else digests[0]]]).astype("S").astype("O"),
            "score_id": ids[None],
            "scores": scores[None].astype(np.float32),
        }
