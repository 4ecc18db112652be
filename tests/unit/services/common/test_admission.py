import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.common.admission import Admission
from services.common.errors import Busy
from services.common.metrics import Metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def admission(registry: CollectorRegistry) -> Admission:
    return Admission(100, retry_after_s=0.5, metrics=Metrics("test", registry))


def test_what_fits_exactly_is_admitted_and_one_more_is_not(admission):
    with (
        admission.hold(60),
        admission.hold(40),
        pytest.raises(Busy) as refusal,
        admission.hold(1),
    ):
        pytest.fail("admitted over the limit")
    assert refusal.value.retry_after_s == 0.5
    assert "100 of at most 100" in str(refusal.value)


def test_room_is_given_back_even_when_the_work_fails(admission):
    with pytest.raises(ZeroDivisionError), admission.hold(100):
        raise ZeroDivisionError
    with admission.hold(100):
        pass


def test_metrics_show_load_and_refusals(admission, registry):
    with admission.hold(70):
        assert registry.get_sample_value("animegan_test_in_flight") == 70
        with pytest.raises(Busy), admission.hold(31):
            pass
    assert registry.get_sample_value("animegan_test_in_flight") == 0
    assert registry.get_sample_value("animegan_test_rejected_total", {"reason": "busy"}) == 1


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_wait_get_in_in_their_order(admission):
    order: list[str] = []
    leave = {name: asyncio.Event() for name in "abc"}

    async def enter(name: str, amount: int) -> None:
        async with admission.wait(amount):
            order.append(name)
            await leave[name].wait()

    tasks = [asyncio.create_task(enter(name, n)) for name, n in (("a", 60), ("b", 60), ("c", 10))]
    await turns()
    assert order == ["a"]  # c would fit beside a, but b came first
    with pytest.raises(Busy), admission.hold(1):
        pytest.fail("overtook those who wait")
    leave["a"].set()
    await turns()
    assert order == ["a", "b", "c"]
    leave["b"].set()
    leave["c"].set()
    await asyncio.gather(*tasks)
    with admission.hold(100):
        pass


async def test_who_stops_waiting_gives_way_and_what_was_given_comes_back(admission, registry):
    async def enter(amount: int, entered: list[int]) -> None:
        async with admission.wait(amount):
            entered.append(amount)
            await asyncio.sleep(60)

    entered: list[int] = []
    with admission.hold(60):
        large = asyncio.create_task(enter(50, entered))
        small = asyncio.create_task(enter(40, entered))
        await turns()
        assert entered == []
        large.cancel()
        await turns()
        assert entered == [40]
    small.cancel()
    await asyncio.gather(large, small, return_exceptions=True)
    assert registry.get_sample_value("animegan_test_in_flight") == 0


async def test_cancelled_in_the_moment_of_entering(admission, registry):
    async def enter() -> None:
        async with admission.wait(100):
            pytest.fail("was cancelled")

    with admission.hold(100):
        task = asyncio.create_task(enter())
        await turns()
    task.cancel()  # it was given room by now, but did not notice yet
    await asyncio.gather(task, return_exceptions=True)
    assert registry.get_sample_value("animegan_test_in_flight") == 0
