"""Who gets the traffic while a new version is on trial."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.common.triton.catalogue import ServedModels
from services.common.triton.client import ModelConfig
from services.common.triton.traffic import Route, Traffic, bucket

SEEDS = st.integers(0, 2**64 - 1)
SHARES = st.floats(0, 1)


@given(SEEDS, SHARES)
def test_a_seed_always_falls_to_the_same_version(seed, share):
    route = Route("old", "new", share)
    assert route.of(seed) == Route("old", "new", share).of(seed)
    assert route.of(seed) == ("new" if bucket(seed) < share else "old")


@given(SEEDS, SHARES, SHARES)
def test_raising_the_share_moves_seeds_to_the_candidate_only(seed, one, other):
    low, high = sorted((one, other))
    if Route("old", "new", low).of(seed) == "new":
        assert Route("old", "new", high).of(seed) == "new"


@given(SEEDS)
def test_the_ends_are_exact(seed):
    assert Route("old", "new", 0.0).of(seed) == "old"
    assert Route("old", "new", 1.0).of(seed) == "new"
    assert Route("old", None, 1.0).of(seed) == "old"


@pytest.mark.parametrize("first", [0, 10**9, 2**64 - 20_000])
def test_neighbouring_seeds_are_spread_evenly(first):
    buckets = np.array([bucket(seed) for seed in range(first, first + 20_000)])
    assert buckets.min() >= 0 and buckets.max() < 1
    # Kolmogorov-Smirnov: the 99.9 % quantile for n samples is 1.95 / sqrt(n).
    distance = np.abs(np.sort(buckets) - np.arange(0.5, 20_000) / 20_000).max()
    assert distance < 1.95 / np.sqrt(20_000)
    # Neighbours are independent: those below 5 % are followed by one below 5 % as often as any.
    low = buckets < 0.05
    assert abs(low[1:][low[:-1]].mean() - 0.05) < 0.03


@dataclass(frozen=True)
class Toy:
    name: str
    version: int


@dataclass
class ToyTriton:
    """Models with their ready versions; `toy` takes its traffic from `toy_traffic`."""

    ready: dict[str, Sequence[int]]
    traffic: dict[str, object] = field(
        default_factory=lambda: {"stable": 1, "candidate": 2, "share": 0.5}
    )

    async def ready_versions(self) -> dict[str, Sequence[int]]:
        return dict(self.ready)

    async def model_config(self, model: str, version: int) -> ModelConfig:
        parameters = {"toy": {"traffic_pointer": "toy_traffic"}}.get(model, {})
        if model == "toy_traffic":
            parameters = {"traffic": json.dumps(self.traffic)}
        return ModelConfig(inputs={}, outputs={}, parameters=parameters, max_batch=1)


class Toys(ServedModels[Toy]):
    def __init__(self, triton: ToyTriton) -> None:
        super().__init__(triton, self._read)

    def _read(self, name: str, version: int, config: ModelConfig) -> Toy | None:
        return None if name.endswith("_traffic") else Toy(name, version)

    async def follow(self, name: str = "toy") -> None:
        await self._follow_traffic(name)

    def route(self, name: str = "toy") -> Route[Toy] | None:
        return self._routes.get(name)


async def test_without_a_pointer_the_newest_version_serves():
    toys = Toys(ToyTriton({"free": [1, 2, 5]}))
    await toys.refresh()
    assert toys.route("free") == Route(Toy("free", 5))


async def test_the_pointer_decides_which_versions_serve():
    triton = ToyTriton({"toy": [1, 2, 3], "toy_traffic": [1]})
    toys = Toys(triton)
    await toys.refresh()
    assert toys.route() == Route(Toy("toy", 1), Toy("toy", 2), 0.5)
    triton.traffic = {"stable": 2, "candidate": None, "share": 0}
    await toys.refresh()
    assert toys.route() == Route(Toy("toy", 2))


async def test_a_candidate_that_is_not_ready_gets_nothing():
    toys = Toys(ToyTriton({"toy": [1], "toy_traffic": [1]}))
    await toys.refresh()
    assert toys.route() == Route(Toy("toy", 1))


async def test_without_its_stable_version_a_model_does_not_serve():
    toys = Toys(ToyTriton({"toy": [2], "toy_traffic": [1]}))
    await toys.refresh()
    assert toys.route() is None


async def test_a_pointer_that_is_away_is_remembered_but_never_guessed():
    fresh = Toys(ToyTriton({"toy": [1, 2]}))
    await fresh.refresh()
    assert fresh.route() is None
    triton = ToyTriton({"toy": [1, 2], "toy_traffic": [1]})
    seasoned = Toys(triton)
    await seasoned.refresh()
    del triton.ready["toy_traffic"]
    await seasoned.refresh()
    assert seasoned.route() == Route(Toy("toy", 1), Toy("toy", 2), 0.5)


@pytest.mark.parametrize(
    "traffic", [{}, [], {"stable": "x", "candidate": 1, "share": 0}, {"stable": 1, "share": 0}]
)
async def test_a_broken_pointer_hides_its_model_and_is_reported(traffic):
    triton = ToyTriton({"toy": [1], "toy_traffic": [1], "free": [1]}, traffic)
    toys = Toys(triton)
    with capture_logs() as logs:
        assert await toys.all() == [Toy("free", 1)]
    assert [line["model"] for line in logs] == ["toy"]


async def test_a_new_division_is_followed_within_a_request(monkeypatch):
    triton = ToyTriton({"toy": [1, 2], "toy_traffic": [1]})
    toys = Toys(triton)
    await toys.refresh()
    triton.traffic = {"stable": 2, "candidate": None, "share": 0}
    await toys.follow()
    assert toys.route().stable.version == 1  # it was read a moment ago
    monkeypatch.setattr("services.common.triton.catalogue._TRAFFIC_AGE_S", 0.0)
    await toys.follow()
    assert toys.route() == Route(Toy("toy", 2))
    triton.traffic = {"nonsense": 1}
    await toys.follow()
    assert toys.route() == Route(Toy("toy", 2))


def test_parameters_become_traffic():
    text = '{"candidate": null, "previous": 1, "share": 0.0, "stable": 2}'
    assert Traffic.of({"traffic": text}) == Traffic(2, None, 0.0)
