"""Many processes, one order."""

import os
import time

import pytest

from training.datasets.ordered import LOOK_AHEAD, WorkerDiedError, ordered_map


def slow_if_even(number: int) -> int:
    time.sleep(0.05 * (number % 2 == 0))
    return number * number


def die(number: int) -> int:
    os._exit(number)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(ordered_map(slow_if_even, range(20), workers)) == [n * n for n in range(20)]


def test_items_are_taken_only_as_far_as_needed() -> None:
    taken = []
    items = (taken.append(number) or number for number in range(1000))
    results = ordered_map(slow_if_even, items, 2)
    assert next(results) == 0
    assert len(taken) <= LOOK_AHEAD
    results.close()


def test_a_worker_that_dies_is_told_with_the_remedy() -> None:
    with pytest.raises(WorkerDiedError, match="fewer --workers"):
        list(ordered_map(die, range(3), 2))
