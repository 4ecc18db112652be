"""Waiting for something to come true, never for time to pass."""

import time
from collections.abc import Callable

GENEROUS_SECONDS = 90.0


def until(true: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Call `meanwhile` and look again until it is true; fail after a generous time."""
    deadline = time.monotonic() + GENEROUS_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        meanwhile()
        time.sleep(0.02)
