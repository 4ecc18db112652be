"""Many processes, one order."""

import math
import os

import pytest

from training.datasets.ordered import LOOK_AHEAD, WorkerDiedError, ordered_map

SLOW_AND_FAST = [5000 - n if n % 2 else n for n in range(20)]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    found = list(ordered_map(math.factorial, SLOW_AND_FAST, workers))
    assert found == [math.factorial(n) for n in SLOW_AND_FAST]


def test_items_are_taken_only_as_far_as_needed() -> None:
    taken = []
    items = (taken.append(number) or number for number in range(1000))
    results = ordered_map(math.factorial, items, 2)
    assert next(results) == 1
    assert len(taken) <= LOOK_AHEAD
    results.close()


def test_a_worker_that_dies_is_told_with_the_remedy() -> None:
    with pytest.raises(WorkerDiedError, match="fewer --workers"):
        list(ordered_map(os._exit, range(3), 2))
