"""How many threads compute: fewer while another program holds a core.

OpenMP's threads meet at the end of every loop and wait there by spinning. Where another program
holds a core, one of them comes late to each meeting, and the others burn their cores meanwhile: two
threads beside one busy core are slower than one alone. Windows of some seconds are compared, so
that a run notices it, and notices when the core is free again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

import torch

# Seconds of a window, at least; it holds whole cycles of the lazy penalties, unless these last
# longer than the second number.
WINDOW, LONGEST_WINDOW = 10.0, 30.0
# A rate below this share of the best one, with as many threads, makes a run try fewer.
FAR_BELOW = 0.5
# Windows with fewer threads until more are tried again.
PATIENCE = 30


class ThreadChoice:
    """Chooses a number of threads for the next window from the rates of those before it.

    The numbers are `most`, half of it, and so on down to 1. A trial is one window with the next
    smaller or larger number, and the faster of the two stays.

    Attributes:
        most: threads that may be used.
        count: threads of the window that goes on.
    """

    def __init__(self, most: int) -> None:
        self.most = self.count = most
        self.forget()

    def forget(self) -> None:
        """Take no rate of before for comparable any more; the number of threads stays."""
        self._best: dict[int, float] = {}
        self._standing: tuple[int, float] | None = None  # what a trial is compared with
        self._left = 0

    def after(self, rate: float) -> int:
        """Return the number of threads for the next window.

        Args:
            rate: images per second in the window that has ended.
        """
        self._best[self.count] = max(rate, self._best.get(self.count, 0.0))
        if self._standing is not None and not self._won(rate, *self._standing):
            return self.count
        fewer = self.count // 2
        if fewer and (rate < FAR_BELOW * self._best[self.count] or fewer not in self._best):
            return self._try(fewer, rate)
        self._left -= 1
        if self.count < self.most and self._left <= 0:
            return self._try(min(2 * self.count, self.most), rate)
        return self.count

    def _try(self, count: int, rate: float) -> int:
        self._standing = self.count, rate
        self.count = count
        return count

    def _won(self, rate: float, standing: int, standing_rate: float) -> bool:
        """End a trial: whether its number of threads stays."""
        self._standing = None
        self._left = PATIENCE
        if rate > standing_rate:
            return True
        self.count = standing
        # What the machine can do now: only what is far below that is worth another trial.
        self._best[standing] = standing_rate
        return False


class Pace:
    """Measures a run's windows and sets the number of threads.

    Args:
        most: threads that may be used.
        cycle: steps that a window is a multiple of.
        clock: seconds.
        set_threads: makes the next step use that many.
    """

    def __init__(
        self,
        most: int,
        cycle: int,
        clock: Callable[[], float] = time.monotonic,
        set_threads: Callable[[int], None] = torch.set_num_threads,
    ) -> None:
        self.choice = ThreadChoice(most)
        self._cycle = cycle
        self._clock = clock
        self._set_threads = set_threads
        self._work: Hashable = None
        self.pause()

    @property
    def remark(self) -> str:
        """For the progress line: nothing while all threads compute."""
        count, most = self.choice.count, self.choice.most
        return "" if count == most else f"{count} of {most} threads: the machine is busy"

    def pause(self) -> None:
        """The run does something else: the next step is not measured, a window begins after it."""
        self._began: float | None = None
        self._images = self._steps = 0

    def step(self, images: int, work: Hashable) -> None:
        """Take note of a step, and end the window where it is due.

        Args:
            images: that the step showed.
            work: what decides the cost of an image; rates of other work do not compare.
        """
        if work != self._work:
            self._work = work
            self.choice.forget()
            self.pause()
        now = self._clock()
        if self._began is None:
            self._began = now
            return
        self._images += images
        self._steps += 1
        elapsed = now - self._began
        whole = self._steps % self._cycle == 0 and elapsed >= WINDOW
        if whole or elapsed >= LONGEST_WINDOW:
            before = self.choice.count
            count = self.choice.after(self._images / elapsed)
            if count != before:
                self._set_threads(count)
            self._began, self._images, self._steps = now, 0, 0
