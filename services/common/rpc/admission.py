"""A bounded amount of work, or of memory: what does not fit is refused at once, or waits its turn.

Unary calls ask for room `now`. Parts of a stream take it `in_turn`: their caller is slowed down
instead of being refused. Neither can keep the other out: streams leave `reserved` room to unary
calls, and those leave all the rest to streams that wait. Nor can a caller who lets a call wait:
whoever lacks room ends such calls (`deadline.py`), the longest waiting first.
"""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from prometheus_client import Gauge

from services.common.rpc import deadline
from services.common.rpc.deadline import Caller
from services.common.rpc.errors import Busy
from services.common.rpc.metrics import Metrics

# A call that has waited for its caller for less is never ended for others: at a time, and in all
# while it holds room. Whoever sends or takes a little now and then holds it no longer than that.
PATIENCE_S = 5.0
PATIENCE_IN_ALL_S = 30.0
# How often calls to end are looked for while somebody waits for room, and how long a unary call
# waits for the room that it gains by that.
_LOOK_SECONDS = 0.25
_UNWIND_SECONDS = 1.0


class Hold:
    """Room that is kept until it is given back: by `release`, or at the end of a `with` block."""

    __slots__ = ("_admission", "_waited_before_s", "amount", "caller", "now")

    def __init__(
        self, admission: "Admission", amount: int, caller: Caller | None, *, now: bool
    ) -> None:
        """Of the class `Admission` only."""
        self._admission = admission
        self.amount = amount
        self.caller = caller
        self.now = now
        self._waited_before_s = caller.waited_in_all_s if caller else 0.0

    @property
    def overdue(self) -> float:
        """How often the caller's patience has been used up while this was held; 1: just now."""
        if self.caller is None:
            return 0.0
        in_all_s = self.caller.waited_in_all_s - self._waited_before_s
        return max(self.caller.waited_s / PATIENCE_S, in_all_s / PATIENCE_IN_ALL_S)

    @property
    def held(self) -> bool:
        """Whether it was not given back yet."""
        return self._admission.holds(self)

    def shrink(self, amount: int) -> None:
        """Give back all but `amount`, where that is less."""
        if amount < self.amount:
            self._admission.shrink(self, amount)

    async def grow(self, amount: int) -> None:
        """Take `amount` more, at once.

        Raises:
            Busy: it does not fit, or others wait. What was held is still held.
        """
        with await self._admission.now(amount) as more:
            self._admission.move(more, self)

    def release(self) -> None:
        """Give all of it back; a second time, nothing."""
        self._admission.give_back(self)

    def __enter__(self) -> Self:
        """The hold itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        self._admission.give_back(self)


class Share:
    """What one stream holds. All of it is given back at its end, whatever became of its parts."""

    def __init__(self, admission: "Admission") -> None:
        """Nothing is held yet."""
        self._admission = admission
        self._holds: list[Hold] = []

    async def in_turn(self, amount: int) -> Hold:
        """See `Admission`."""
        hold = await self._admission.in_turn(amount)
        self._holds = [*(one for one in self._holds if one.held), hold]
        return hold

    def __enter__(self) -> Self:
        """The share itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give all back."""
        for hold in self._holds:
            hold.release()


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for room."""

    amount: int
    now: bool
    caller: Caller | None
    turn: asyncio.Future[Hold] = field(default_factory=asyncio.Future)


class Admission:
    """Counts what is in flight in this process."""

    def __init__(
        self,
        limit: int,
        *,
        retry_after_s: float,
        metrics: Metrics,
        gauge: Gauge | None = None,
        unit: str = "images",
        reserved: int = 0,
        work: bool = True,
    ) -> None:
        """Admit up to `limit` at a time.

        Args:
            limit: how much may be in flight.
            retry_after_s: when those that are refused should come back, in seconds.
            metrics: counts refusals.
            gauge: shows what is in flight; None: that of `metrics`.
            unit: what is counted, for messages.
            reserved: the part of `limit` that is for those who need it now.
            work: while a call holds room, or waits for it, it does not wait for its caller's next
                message. False: the room is for that message itself.
        """
        self._limit = limit
        self._reserved = reserved
        self._retry_after_s = retry_after_s
        self._metrics = metrics
        self._unit = unit
        self._work = work
        self._held = {True: 0, False: 0}  # by those who needed it now, and by the others
        self._holds: set[Hold] = set()
        self._waiting: deque[_Waiting] = deque()  # in turn
        self._urgent: deque[_Waiting] = deque()  # now, for the room of calls that are being ended
        self._looks: asyncio.TimerHandle | None = None
        (gauge or metrics.in_flight).set_function(lambda: self._in_flight)

    async def now(self, amount: int) -> Hold:
        """Room for `amount`, at once.

        Raises:
            Busy: it does not fit beside what is in flight, or beside those who wait.
        """
        caller = deadline.current_caller()
        allowed = self._may_now(amount)
        if allowed and not self._urgent and self._fits(amount, now=True):
            return self._take(amount, caller, now=True)
        if allowed and self._end_idle(amount, now=True):
            with suppress(TimeoutError):  # then it is refused like the others
                async with asyncio.timeout(_UNWIND_SECONDS):
                    return await self._wait(_Waiting(amount, True, caller), self._urgent)
        self._metrics.rejected.labels(reason="busy").inc()
        raise self._busy(amount)

    async def in_turn(self, amount: int) -> Hold:
        """Room for `amount`, as soon as all who came before have theirs.

        First come, first served, so that much room is had as surely as little.

        Raises:
            ValueError: it can never fit. Whoever asks has to check that before, and to say so.
        """
        most = self._limit - self._reserved
        if amount > most:
            raise ValueError(f"{amount} {self._unit} can never be let in, but {most} at most")
        caller = deadline.current_caller()
        if not self._urgent and not self._waiting and self._fits(amount, now=False):
            return self._take(amount, caller, now=False)
        with deadline.working(caller if self._work else None):
            return await self._wait(_Waiting(amount, False, caller), self._waiting)

    def share(self) -> Share:
        """Room for a stream, whose parts take theirs in turn."""
        return Share(self)

    def holds(self, hold: Hold) -> bool:
        """Whether a hold was not given back yet."""
        return hold in self._holds

    def shrink(self, hold: Hold, amount: int) -> None:
        """Make a hold smaller: see `Hold`."""
        if hold in self._holds:
            self._held[hold.now] -= hold.amount - amount
            hold.amount = amount
            self._let_in()

    def move(self, source: Hold, target: Hold) -> None:
        """Give all that one hold has to another one, if that is still held."""
        if target in self._holds:
            self._held[source.now] -= source.amount
            self._held[target.now] += source.amount
            target.amount += source.amount
            source.amount = 0

    def give_back(self, hold: Hold) -> None:
        """End a hold: see `Hold`."""
        if hold not in self._holds:
            return
        self._holds.discard(hold)
        self._held[hold.now] -= hold.amount
        if self._work and hold.caller:
            hold.caller.work_ends()
        if self._waiting or self._urgent:
            self._let_in()

    @property
    def _in_flight(self) -> int:
        return self._held[True] + self._held[False]

    def _fits(self, amount: int, *, now: bool) -> bool:
        """Whether there is room. Who needs it now was asked for more, once, by `_may_now`."""
        if self._in_flight + amount > self._limit:
            return False
        return now or self._held[False] + amount <= self._limit - self._reserved

    def _may_now(self, amount: int) -> bool:
        """Whether that leaves those who wait in turn their part."""
        return not self._waiting or self._held[True] + amount <= self._reserved

    def _take(self, amount: int, caller: Caller | None, *, now: bool) -> Hold:
        hold = Hold(self, amount, caller, now=now)
        self._holds.add(hold)
        self._held[now] += amount
        if caller and self._work:
            caller.work_begins()
        return hold

    async def _wait(self, one: _Waiting, queue: deque[_Waiting]) -> Hold:
        """Wait in `queue` for a turn."""
        queue.append(one)
        self._look_later()
        try:
            return await one.turn
        except BaseException:
            if one.turn.cancelled():
                self._let_in()  # whoever comes next may fit
            else:
                one.turn.result().release()
            raise

    def _look_later(self) -> None:
        if self._looks is None:
            self._looks = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Look for calls that those who wait longest could have the room of."""
        self._looks = None
        for queue in (self._urgent, self._waiting):
            if queue:
                self._end_idle(queue[0].amount, now=queue[0].now)
                self._look_later()

    def _let_in(self) -> None:
        """Give those who wait their turn, in order, as long as they fit; the urgent ones first."""
        for queue in (self._urgent, self._waiting):
            while queue and (queue[0].turn.done() or self._fits(queue[0].amount, now=queue[0].now)):
                one = queue.popleft()
                if not one.turn.done():
                    one.turn.set_result(self._take(one.amount, one.caller, now=one.now))
            if queue:
                return

    def _end_idle(self, amount: int, *, now: bool) -> bool:
        """End the calls that have waited longest for their callers, as many as it takes, or none.

        Returns:
            Whether there is room for `amount` once they have unwound.
        """
        lacking = self._in_flight + amount - self._limit
        if not now:
            lacking = max(lacking, self._held[False] + amount - (self._limit - self._reserved))
        held: Counter[Caller] = Counter()
        overdue: dict[Caller, float] = {}
        for hold in self._holds:
            if hold.caller:
                held[hold.caller] += hold.amount
                overdue[hold.caller] = max(hold.overdue, overdue.get(hold.caller, 0.0))
        lacking -= sum(amount for caller, amount in held.items() if caller.ending)
        chosen: list[Caller] = []
        for caller in sorted(overdue, key=overdue.__getitem__, reverse=True):
            if lacking <= 0 or overdue[caller] < 1:
                break
            if not caller.ending:
                chosen.append(caller)
                lacking -= held[caller]
        if lacking > 0:
            return False
        for caller in chosen:
            caller.end(f"others need its {held[caller]} {self._unit}")
        return True

    def _busy(self, amount: int) -> Busy:
        return Busy(
            f"{self._in_flight} of at most {self._limit} {self._unit} are in flight, "
            f"{amount} more do not fit; retry after {self._retry_after_s:g} s",
            retry_after_s=self._retry_after_s,
        )
