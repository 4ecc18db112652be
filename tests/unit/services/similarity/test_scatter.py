"""All shards or nothing: merged exactly, failed over, and never a smaller answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.common.rpc.errors import Internal, NotFound, Unavailable
from services.similarity.contract import SEARCH_MODEL
from services.similarity.indexes import Catalogue, combine
from services.similarity.response import quantile
from services.similarity.scatter import Scatter
from tests.unit.services.similarity.tritons import FakeTriton, description

QUERY = np.zeros((2, 2, 1), np.uint8)


def index_of(*tritons: FakeTriton):
    indexes, _ = combine([triton.manifest for triton in tritons])
    return indexes["faces"]


async def test_the_best_of_all_shards_ties_by_id():
    tritons = [FakeTriton(description(shards=(True, False))),
               FakeTriton(description(shards=(False, True)))]  # fmt: skip
    gathered = await Scatter(tritons).search(index_of(*tritons), QUERY, 12, all_scores=True)
    assert gathered.found.rows.tolist() == list(range(12))
    assert gathered.found.count == 20
    assert gathered.found.total == pytest.approx(sum(2 / (1 + i) for i in range(10)))
    assert gathered.score_ids.tolist() == list(range(20))
    assert len(gathered.found.scores) == 20
    assert gathered.found.histogram.sum() == 20
    assert [triton.searched for triton in tritons] == [["faces/00000"], ["faces/00001"]]


async def test_replicas_take_turns_and_stand_in_for_each_other():
    tritons = [FakeTriton(description(shards=(True,))) for _ in range(2)]
    scatter, index = Scatter(tritons), index_of(*tritons)
    for _ in range(4):
        await scatter.search(index, QUERY, 1, all_scores=False)
    assert [len(triton.searched) for triton in tritons] == [2, 2]
    tritons[0].failure = Unavailable("gone")
    for _ in range(4):
        assert (await scatter.search(index, QUERY, 1, all_scores=False)).found.count == 10
    assert (await scatter.images(index, np.array([7]))).item() == 7


@given(lookups=st.lists(st.integers(0, 3), min_size=1, max_size=30), replicas=st.integers(2, 3))
async def test_searches_are_spread_evenly_whatever_is_asked_besides(lookups, replicas):
    """With one turn for all, a search and a lookup in a row sent every search to the same one."""
    tritons = [FakeTriton(description()) for _ in range(replicas)]
    scatter, index = Scatter(tritons), index_of(*tritons)
    for count in lookups:
        await scatter.search(index, QUERY, 1, all_scores=False)
        for _ in range(count):
            await scatter.images(index, np.array([7]))
    for shard in index.shards:
        searched = [triton.searched.count(f"faces/{shard.name}") for triton in tritons]
        assert max(searched) - min(searched) <= 1
    passes = [len(triton.searched) for triton in tritons]
    assert max(passes) - min(passes) <= len(index.shards) - 1


@pytest.mark.parametrize("failure", [Unavailable("gone"), NotFound("moved")])
async def test_a_shard_that_does_not_answer_is_named(failure):
    tritons = [FakeTriton(description(shards=(True, False))),
               FakeTriton(description(shards=(False, True)))]  # fmt: skip
    index = index_of(*tritons)
    tritons[1].failure = failure
    with pytest.raises(Unavailable, match="the shard 'faces/00001'"):
        await Scatter(tritons).search(index, QUERY, 1, all_scores=False)


async def test_a_shard_that_nobody_serves_is_named():
    tritons = [FakeTriton(description(shards=(True, False)))]
    with pytest.raises(Unavailable, match="the shard 'faces/00001' cannot be reached"):
        await Scatter(tritons).search(index_of(*tritons), QUERY, 1, all_scores=False)


OWN = "ssim_search_faces_00001"


async def test_a_shard_is_searched_with_its_own_model_where_there_is_one():
    tritons = [FakeTriton(description()), FakeTriton(description())]
    tritons[1].own_models[OWN] = None
    known = Catalogue({"a": tritons[0], "b": tritons[1]}, "faces")
    index = await known.find("")
    assert [shard.scanners for shard in index.shards] == [set(), {1}]
    for _ in range(2):
        await Scatter(tritons).search(index, QUERY, 3, all_scores=False)
    for triton, models in zip(tritons, ({SEARCH_MODEL}, {SEARCH_MODEL, OWN}), strict=True):
        assert set(triton.asked) <= models
    asked = [pair for triton in tritons for pair in zip(triton.asked, triton.searched, strict=True)]
    assert (OWN, "faces/00001") in asked
    assert (OWN, "faces/00000") not in asked


@pytest.mark.parametrize(
    "failure", [Unavailable("outdated"), Internal("no memory"), NotFound("gone")]
)
async def test_where_a_shards_own_model_fails_the_other_answers_and_the_log_says_so(failure):
    triton = FakeTriton(description(shards=(True, True)))
    triton.own_models[OWN] = failure
    index = await Catalogue({"a": triton}, "faces").find("")
    with capture_logs() as logs:
        gathered = await Scatter([triton]).search(index, QUERY, 20, all_scores=False)
    assert gathered.found.rows.tolist() == list(range(20))
    assert sorted(triton.asked) == [SEARCH_MODEL, SEARCH_MODEL, OWN]
    assert [(line["model"], line["reason"]) for line in logs] == [(OWN, str(failure))]


async def test_an_index_that_changed_meanwhile_is_not_mixed_with_its_old_state():
    tritons = [FakeTriton(description())]
    index = index_of(*tritons)
    tritons[0].manifest["indexes"][0]["digest"] = "d2"
    with pytest.raises(Unavailable, match="'faces' has just changed"):
        await Scatter(tritons).search(index, QUERY, 1, all_scores=False)


async def test_no_images_cost_no_request():
    triton = FakeTriton(description())
    index = index_of(triton)
    triton.failure = Unavailable("not asked")
    assert (await Scatter([triton]).images(index, np.empty(0, np.int64))).shape == (0, 2, 2, 1)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("count", [1, 2, 1000])
def test_quantiles_lie_within_a_bin_of_the_exact_ones(share, count):
    scores = np.random.default_rng(count).uniform(-1, 1, count)
    histogram, _ = np.histogram(scores, 1000, (-1, 1))
    exact = np.quantile(scores, share, method="inverted_cdf")
    # The 0-quantile has no place of its own in a histogram: any score below the least will do.
    if share:
        assert quantile(histogram, share) == pytest.approx(exact, abs=0.002)
    else:
        assert quantile(histogram, share) <= exact
