"""Shards that have a scan of their own, as a GPU needs one, on a real Triton without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1 import similarity_pb2_grpc
from tritonclient.utils import InferenceServerException

from animegan_search.ssim.definition import GAUSSIAN, UNIFORM7
from animegan_search.ssim.index import Index
from deploy.local.triton import LocalTriton
from tests.integration.local.polling import until
from tests.integration.similarity.material import (
    COLOUR,
    GREY,
    HELDOUT,
    SIZE,
    SimilarityProcess,
    png,
    write_repository,
)
from tests.unit.search.ssim.index.material import noise, write_index
from training.index.changing import remove
from training.index.scans import publish_scans

EXACT = ("id", "ssim", "count", "digest", "score_id")
SHARDS = [("colour", 0), ("colour", 1), ("grey", 0)]


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two whose scans are right; one that has changed since; one whose scan is of another SSIM."""
    folder = tmp_path_factory.mktemp("scanned-indexes")
    write_index(folder / "colour", COLOUR, shard_images=64)
    write_index(folder / "grey", GREY, definition=GAUSSIAN)
    write_index(folder / "changed", noise(20, seed=4, size=SIZE))
    write_index(folder / "wrong", noise(20, seed=5, size=SIZE))
    return folder


@pytest.fixture(scope="module")
def triton(indexes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    folder = tmp_path_factory.mktemp("scans")
    repository = write_repository(folder / "models")
    remove(indexes / "colour", [3, 70])
    for name in ("colour", "grey"):
        list(publish_scans(Index.open(indexes / name), repository))
    former = write_index(folder / "changed", noise(20, seed=6, size=SIZE))
    list(publish_scans(former, repository))
    wrong = Index.open(indexes / "wrong")
    wrong.definition = GAUSSIAN
    list(publish_scans(wrong, repository))
    with LocalTriton(repository, indexes=indexes, log=folder / "triton.log") as triton:
        yield triton


def ask(
    triton: LocalTriton, model: str, shard: str, queries: np.ndarray, k: int = 5
) -> dict[str, np.ndarray]:
    """All that a search model answers."""
    rows = len(queries)
    tensors = {
        "query": queries,
        "k": np.full((rows, 1), k, np.int32),
        "shard": np.full((rows, 1), shard.encode(), np.object_),
        "all_scores": np.ones((rows, 1), np.bool_),
    }
    types = {"query": "UINT8", "k": "INT32", "shard": "BYTES", "all_scores": "BOOL"}
    inputs = []
    for name, tensor in tensors.items():
        inputs.append(triton_grpc.InferInput(name, tensor.shape, types[name]))
        inputs[-1].set_data_from_numpy(tensor)
    with triton_grpc.InferenceServerClient(triton.grpc_url) as client:
        result = client.infer(model, inputs)
    names = (*EXACT, "total", "mean", "histogram", "scores")
    return {name: result.as_numpy(name) for name in names}


def queries_of(index: str) -> np.ndarray:
    """Some that are in the index and some that are not."""
    images = COLOUR if index == "colour" else GREY
    unseen = HELDOUT if index == "colour" else noise(120, seed=8, channels=1, size=SIZE)
    return np.concatenate([images[[3, 5]], unseen[:3]])


@pytest.mark.parametrize(("index", "shard"), SHARDS)
def test_it_answers_what_the_search_model_answers(
    triton: LocalTriton, index: str, shard: int
) -> None:
    queries, name = queries_of(index), f"{index}/{shard:05}"
    definition = UNIFORM7 if index == "colour" else GAUSSIAN
    expected = ask(triton, "ssim_search", name, queries)
    found = ask(triton, f"ssim_search_{index}_{shard:05}", name, queries)
    for output in EXACT:
        np.testing.assert_array_equal(found[output], expected[output])
    tolerances = {"scores": 1, "mean": 1, "total": expected["count"].max()}
    for output, times in tolerances.items():
        tolerance = 2 * definition.tolerance * times
        np.testing.assert_allclose(found[output], expected[output], rtol=0, atol=tolerance)
    # A score within the tolerance of a bin's border may fall on either side.
    shifted = np.cumsum(found["histogram"] - expected["histogram"], axis=1)
    assert np.abs(shifted).max() <= 1
    assert found["histogram"].sum() == expected["histogram"].sum()


def test_queries_that_come_at_the_same_time_share_passes_and_get_their_own_answers(
    triton: LocalTriton,
) -> None:
    models = ["ssim_search", "ssim_search_colour_00000"] * 8
    pictures = [HELDOUT[at : at + 1 + at % 3] for at in range(len(models))]
    expected = [ask(triton, "ssim_search", "colour/00000", picture) for picture in pictures]
    with ThreadPoolExecutor(len(models)) as callers:
        found = list(
            callers.map(lambda *of: ask(triton, of[0], "colour/00000", of[1]), models, pictures)
        )
    for one, other in zip(found, expected, strict=True):
        for output in EXACT:
            np.testing.assert_array_equal(one[output], other[output])


def test_removed_images_are_in_no_answer(triton: LocalTriton) -> None:
    found = ask(triton, "ssim_search_colour_00000", "colour/00000", COLOUR[[3]])
    assert found["count"].item() == 63
    assert 3 not in found["id"]
    assert 3 not in found["score_id"]


@pytest.mark.parametrize("shard", ["changed/00000", "colour/00001"])
def test_a_scan_of_other_images_is_never_ranked(triton: LocalTriton, shard: str) -> None:
    """Neither of an earlier state of the shard, nor of another one."""
    with pytest.raises(InferenceServerException) as refused:
        ask(triton, "ssim_search_changed_00000", shard, COLOUR[:1])
    assert refused.value.status() == "StatusCode.UNAVAILABLE"
    assert f"the scan of the shard '{shard}' is of other images" in str(refused.value)


def test_a_scan_that_errs_is_not_believed(triton: LocalTriton) -> None:
    with pytest.raises(InferenceServerException) as refused:
        ask(triton, "ssim_search_wrong_00000", "wrong/00000", COLOUR[:1])
    assert refused.value.status() == "StatusCode.INTERNAL"
    assert "the scan of the shard 'wrong/00000' errs by" in str(refused.value)


def answered(triton: LocalTriton, model: str) -> int:
    """How many requests a model has answered."""
    with triton_grpc.InferenceServerClient(triton.grpc_url) as client:
        (statistics,) = client.get_inference_statistics(model).model_stats
    return statistics.inference_stats.success.count


async def test_the_service_searches_with_them_and_without_those_that_fail(
    triton: LocalTriton, indexes: Path, tmp_path: Path
) -> None:
    own = ["ssim_search_colour_00000", "ssim_search_colour_00001"]
    asked = [answered(triton, model) for model in own]
    with SimilarityProcess(
        triton.http_url, tmp_path / "log", "--default-index", "colour"
    ) as process:
        process.wait_for_event("ready")
        async with grpc.aio.insecure_channel(process.target) as channel:
            stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
            for index in ("colour", "changed", "wrong"):
                query = pb.SearchQuery(index=index, k=3, image=image_pb2.Image(data=png(COLOUR[0])))
                answer = await stub.Search(pb.SearchRequest(query=query))
                assert len(answer.result.matches) == 3
                (found,) = Index.open(indexes / index).search(COLOUR[:1], 3)
                assert [match.id for match in answer.result.matches] == found.ids.tolist()
        failed = "a shard's own model failed"
        reported = [line["model"] for line in process.events() if line["event"] == failed]
    assert reported == ["ssim_search_changed_00000", "ssim_search_wrong_00000"]
    until(lambda: [answered(triton, model) for model in own] == [before + 1 for before in asked])
