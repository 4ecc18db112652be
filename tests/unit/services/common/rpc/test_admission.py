import asyncio

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from prometheus_client import CollectorRegistry

from services.common.rpc import deadline
from services.common.rpc.admission import Admission, Hold
from services.common.rpc.deadline import Callers
from services.common.rpc.errors import Busy, DeadlineExceeded, KeptWaiting
from services.common.rpc.metrics import Metrics

CALLERS = Callers()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def admission(registry: CollectorRegistry) -> Admission:
    return Admission(100, retry_after_s=0.5, metrics=Metrics("test", registry))


async def test_what_fits_exactly_is_admitted_and_one_more_is_not(admission):
    with await admission.now(60), await admission.now(40), pytest.raises(Busy) as refusal:
        await admission.now(1)
    assert refusal.value.retry_after_s == 0.5
    assert "100 of at most 100" in str(refusal.value)


async def test_room_is_given_back_even_when_the_work_fails(admission):
    with pytest.raises(ZeroDivisionError), await admission.now(100):
        raise ZeroDivisionError
    with await admission.now(100):
        pass


async def test_metrics_show_load_and_refusals(admission, registry):
    with await admission.now(70):
        assert registry.get_sample_value("animegan_test_in_flight") == 70
        with pytest.raises(Busy):
            await admission.now(31)
    assert registry.get_sample_value("animegan_test_in_flight") == 0
    assert registry.get_sample_value("animegan_test_rejected_total", {"reason": "busy"}) == 1


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_wait_get_in_in_their_order(admission):
    order: list[str] = []
    leave = {name: asyncio.Event() for name in "abc"}

    async def enter(name: str, amount: int) -> None:
        with await admission.in_turn(amount):
            order.append(name)
            await leave[name].wait()

    tasks = [asyncio.create_task(enter(name, n)) for name, n in (("a", 60), ("b", 60), ("c", 10))]
    await turns()
    assert order == ["a"]  # c would fit beside a, but b came first
    with pytest.raises(Busy):
        await admission.now(1)  # would overtake those who wait
    leave["a"].set()
    await turns()
    assert order == ["a", "b", "c"]
    leave["b"].set()
    leave["c"].set()
    await asyncio.gather(*tasks)
    with await admission.now(100):
        pass


async def test_who_stops_waiting_gives_way_and_what_was_given_comes_back(admission, registry):
    async def enter(amount: int, entered: list[int]) -> None:
        with await admission.in_turn(amount):
            entered.append(amount)
            await asyncio.sleep(60)

    entered: list[int] = []
    with await admission.now(60):
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
        with await admission.in_turn(100):
            pytest.fail("was cancelled")

    with await admission.now(100):
        task = asyncio.create_task(enter())
        await turns()
    task.cancel()  # it was given room by now, but did not notice yet
    await asyncio.gather(task, return_exceptions=True)
    assert registry.get_sample_value("animegan_test_in_flight") == 0


async def test_streams_leave_room_to_unary_calls_and_those_to_streams_that_wait(registry):
    admission = Admission(100, retry_after_s=0.5, metrics=Metrics("test", registry), reserved=25)
    with pytest.raises(ValueError, match="at most"):
        await admission.in_turn(76)
    first = await admission.in_turn(75)
    second = asyncio.create_task(admission.in_turn(1))
    await turns()
    assert not second.done()
    unary = await admission.now(25)
    first.release()
    await turns()
    assert second.done()
    (await second).release()
    more = await admission.now(75)  # nobody waits: unary calls may have it all
    third = asyncio.create_task(admission.in_turn(10))
    await turns()
    unary.release()
    await turns()
    assert third.done()
    fourth = asyncio.create_task(admission.in_turn(60))
    await turns()
    with pytest.raises(Busy):  # it would fit, but the room is for the one who waits
        await admission.now(1)
    more.release()
    await turns()
    assert fourth.done()


async def test_room_grows_and_shrinks(admission, registry):
    with await admission.in_turn(50) as hold:
        await hold.grow(50)
        with pytest.raises(Busy):
            await hold.grow(1)
        assert hold.amount == 100
        hold.shrink(10)
        hold.shrink(20)  # no more than it has
        assert registry.get_sample_value("animegan_test_in_flight") == 10
    await hold.grow(5)
    hold.release()
    assert registry.get_sample_value("animegan_test_in_flight") == 0


async def test_what_a_stream_holds_ends_with_it(admission, registry):
    with admission.share() as share:
        for _ in range(20):
            (await share.in_turn(10)).release()
        await share.in_turn(10)
        await share.in_turn(20)
        assert registry.get_sample_value("animegan_test_in_flight") == 30
    assert registry.get_sample_value("animegan_test_in_flight") == 0


class Idle:
    """A call whose caller does not take its answers, or does, and what it holds."""

    def __init__(self, admission: Admission, amount: int, *, idle: bool = True) -> None:
        self._admission, self._amount, self._idle = admission, amount, idle
        self.held = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> str:
        try:
            async with deadline.within(60) as limit:
                with CALLERS.calling(limit) as caller, await self._admission.in_turn(self._amount):
                    self.held.set()
                    forever = asyncio.sleep(60)
                    await (caller.takes(forever) if self._idle else forever)
        except KeptWaiting as error:
            return str(error)
        return "slept"


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr("services.common.rpc.admission.PATIENCE_S", 0.1)
    monkeypatch.setattr("services.common.rpc.admission._LOOK_SECONDS", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("way", ["now", "in_turn"])
async def test_idle_callers_make_room_the_longest_waiting_first(admission, way):
    calls = []
    for _ in range(3):
        calls.append(Idle(admission, 25))
        await calls[-1].held.wait()
        await asyncio.sleep(0.02)
    calls.append(Idle(admission, 25, idle=False))
    await calls[-1].held.wait()
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        with await getattr(admission, way)(50):
            assert [call.task.done() for call in calls] == [True, True, False, False]
            assert "others need its 25 images" in await calls[0].task
    for call in calls:
        call.task.cancel()


@pytest.mark.usefixtures("impatient")
async def test_a_trickle_is_no_excuse(admission, monkeypatch):
    monkeypatch.setattr("services.common.rpc.admission.PATIENCE_IN_ALL_S", 0.3)
    kept = Callers()

    async def trickles() -> str:
        try:
            async with deadline.within(60) as limit:
                with kept.calling(limit) as caller, await admission.in_turn(100):
                    while True:
                        await caller.takes(asyncio.sleep(0.05))  # never as long as PATIENCE_S
        except KeptWaiting as error:
            return str(error)

    call = asyncio.create_task(trickles())
    await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        with await admission.in_turn(1):
            assert "in all" in await call


@pytest.mark.usefixtures("impatient")
async def test_what_grows_gets_the_room_of_the_idle(admission):
    idle = Idle(admission, 60)
    await idle.held.wait()
    await asyncio.sleep(0.15)
    with await admission.in_turn(10) as hold:
        await hold.grow(80)
        assert hold.amount == 90
    assert "others need its 60 images" in await idle.task


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("later", [0, 1, 2, 3])
async def test_what_calls_are_ended_for_goes_to_nobody_else(registry, later):
    metrics = Metrics("test", registry)
    admission = Admission(100, retry_after_s=0.5, metrics=metrics, reserved=60)
    idle = [Idle(admission, 20), Idle(admission, 20)]
    await asyncio.gather(*(one.held.wait() for one in idle))
    busy = await admission.now(20)
    await asyncio.sleep(0.15)
    urgent = asyncio.create_task(admission.now(80))  # needs the room of both
    for _ in range(later):  # before they are ended, and while they unwind
        await asyncio.sleep(0)
    small = asyncio.create_task(admission.in_turn(10))
    async with asyncio.timeout(5):
        (await urgent).release()
        (await small).release()
    assert all(one.task.done() for one in idle)
    busy.release()


@pytest.mark.usefixtures("impatient")
async def test_who_waits_for_us_is_not_taken_for_idle(admission):
    """A stream's next message is awaited while the one before it is worked on."""
    with CALLERS.calling(deadline.within(60)) as caller:
        work = await admission.in_turn(60)
        reading = asyncio.create_task(caller.next_message(asyncio.sleep(60)))
        await asyncio.sleep(0.15)
        assert caller.waited_s == 0
        with pytest.raises(Busy):
            await admission.now(50)
        work.release()
        await asyncio.sleep(0.05)
        assert 0 < caller.waited_s < 0.15  # since the work was done
        reading.cancel()


@pytest.mark.usefixtures("impatient")
async def test_what_is_free_meanwhile_is_kept_for_the_one_that_calls_are_ended_for(admission):
    idle = Idle(admission, 30)
    await idle.held.wait()
    with await admission.now(50):
        await asyncio.sleep(0.15)
        urgent = asyncio.create_task(admission.now(40))  # 20 are free
        await asyncio.sleep(0)
        small = asyncio.create_task(admission.in_turn(20))
        async with asyncio.timeout(5):
            (await urgent).release()
            (await small).release()


async def test_a_call_that_is_over_is_ended_by_nobody():
    limit = deadline.within(60)
    with CALLERS.calling(limit) as caller:
        async with limit:
            pass
        caller.end("too late")  # asyncio would raise RuntimeError
    with pytest.raises(DeadlineExceeded):
        async with deadline.within(0.01) as limit:
            try:
                await asyncio.sleep(1)
            finally:
                limit.end(KeptWaiting("too late"))


@pytest.mark.usefixtures("impatient")
async def test_nobody_is_ended_for_nothing(admission):
    idle, busy = Idle(admission, 30), Idle(admission, 70, idle=False)
    await asyncio.gather(idle.held.wait(), busy.held.wait())
    await asyncio.sleep(0.2)
    with pytest.raises(Busy):
        await admission.now(31)  # does not fit even without the idle one
    await asyncio.sleep(0.05)
    assert not idle.task.done()
    idle.task.cancel()
    busy.task.cancel()


class Histories(RuleBasedStateMachine):
    """Whatever is asked for and given back in whatever order, the sums are right."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.registry = CollectorRegistry()
        metrics = Metrics("test", self.registry)
        self.admission = Admission(100, retry_after_s=0.5, metrics=metrics, reserved=25)
        self.held: list[Hold] = []
        self.waiting: list[asyncio.Task[Hold]] = []

    def run(self, work):
        async def settled():
            result = await work
            await turns()
            return result

        return self.loop.run_until_complete(settled())

    def collect(self) -> None:
        self.held += [task.result() for task in self.waiting if task.done()]
        self.waiting = [task for task in self.waiting if not task.done()]

    @rule(amount=st.integers(0, 100))
    def now(self, amount: int) -> None:
        async def ask() -> Hold | None:
            try:
                return await self.admission.now(amount)
            except Busy:
                return None

        if hold := self.run(ask()):
            self.held.append(hold)

    @rule(amount=st.integers(0, 75))
    def in_turn(self, amount: int) -> None:
        async def ask() -> asyncio.Task[Hold]:
            return asyncio.create_task(self.admission.in_turn(amount))

        self.waiting.append(self.run(ask()))
        self.collect()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data) -> None:
        hold = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

        async def give() -> None:
            hold.release()

        self.run(give())
        self.collect()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def hang_up(self, data) -> None:
        task = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))

        async def cancel() -> None:
            task.cancel()

        self.run(cancel())
        self.collect()

    @invariant()
    def the_sums_are_right(self) -> None:
        in_flight = self.registry.get_sample_value("animegan_test_in_flight")
        assert in_flight == sum(hold.amount for hold in self.held) <= 100

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert self.held or not self.waiting

    def teardown(self) -> None:
        for task in self.waiting:
            task.cancel()
        self.run(turns())
        self.loop.close()


test_histories = Histories.TestCase
