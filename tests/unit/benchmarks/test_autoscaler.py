"""Kubernetes' own examples of the HorizontalPodAutoscaler's algorithm, and its corners."""

import json

import pytest

from benchmarks.autoscaling.__main__ import OUT, PAGE, autoscaler, page, proposals
from benchmarks.autoscaling.autoscaler import (
    Autoscaler,
    Direction,
    Policy,
    by_average,
    by_pods,
    by_value,
)

FREE = Direction(0, (Policy("Percent", 100, 15), Policy("Pods", 4, 15)))


def scaler(up: Direction = FREE, down: Direction = FREE) -> Autoscaler:
    return Autoscaler(1, 100, up, down)


@pytest.mark.parametrize(
    ("current", "ready", "value", "replicas"),
    [
        (3, 3, 0.2, 6),  # "if the current metric value is 200m, and the desired is 100m: doubled"
        (4, 4, 0.05, 2),  # "if the current value is 50m: halved"
        (10, 10, 0.11, 10),  # within the tolerance of 10 %
        (10, 10, 0.111, 12),
        (10, 10, 0.091, 10),
        (10, 5, 0.2, 10),  # only five of the ten are ready to carry it
        (0, 0, 0.25, 3),
    ],
)
def test_a_value_scales_the_ready_pods(current, ready, value, replicas):
    assert by_value(current, ready, value, 0.1) == replicas


@pytest.mark.parametrize(
    ("current", "value", "replicas"),
    [(2, 6.0, 5), (5, 6.9, 5), (5, 1.0, 1), (4, 5.7, 4), (0, 2, 2)],
)
def test_an_average_is_so_much_for_each_pod(current, value, replicas):
    assert by_average(current, value, 1.4) == replicas


@pytest.mark.parametrize(
    ("values", "ready", "replicas"),
    [
        ({"a": 2.0, "b": 2.0}, "ab", 4),
        ({"a": 1.05, "b": 1.0}, "ab", 2),
        ({"a": 2.0, "b": None}, "ab", 2),  # missing counts as idle before scaling up: 1.0 each
        ({"a": 4.0, "b": None}, "ab", 4),
        ({"a": 0.1, "b": None}, "ab", 2),  # and as busy before scaling down: 0.55 each
        ({"a": 3.0, "b": 0.0}, "a", 3),  # not ready: idle before scaling up, 1.5 each
        ({"a": 0.2, "b": 5.0}, "a", 1),  # before scaling down it is left out
        ({"a": 0.1, "b": None, "c": None}, "abc", 3),
    ],
)
def test_missing_metrics_and_pods_that_are_not_ready_make_it_careful(values, ready, replicas):
    assert by_pods(len(values), values, list(ready), 1.0) == replicas


def test_without_any_metric_of_pods_there_is_no_proposal():
    with pytest.raises(ValueError, match="no metrics of any ready pod"):
        by_pods(1, {"a": None}, ["a"], 1.0)


def test_the_largest_proposal_wins_and_a_missing_metric_forbids_to_shrink():
    assert scaler().decide(0, 4, [2, 6]) == 6
    assert scaler().decide(0, 4, [2, 3]) == 3
    assert scaler().decide(0, 4, [2, None]) == 4
    assert scaler().decide(0, 4, [6, None]) == 6
    assert scaler().decide(0, 4, [None]) == 4


def test_the_policy_that_allows_most_counts_and_what_was_added_in_its_period():
    it = scaler()
    assert it.decide(0, 2, [100]) == 6  # four pods are more than 100 %
    assert it.decide(10, 6, [100]) == 6  # the period of 15 s began with two
    assert it.decide(16, 6, [100]) == 12  # 100 % are more than four
    least = scaler(up=Direction(0, FREE.policies, "Min"))
    assert least.decide(0, 2, [100]) == 4
    assert scaler(up=Direction(0, (), "Disabled")).decide(0, 2, [100]) == 2


def test_shrinking_waits_for_the_largest_proposal_of_its_window():
    it = scaler(down=Direction(300, (Policy("Pods", 1, 60),)))
    assert it.decide(0, 5, [5]) == 5
    assert it.decide(299, 5, [2]) == 5
    assert it.decide(301, 5, [2]) == 4  # one a minute
    assert it.decide(330, 4, [2]) == 4
    assert it.decide(362, 4, [2]) == 3
    assert it.decide(430, 3, [1]) == 2
    assert it.decide(431, 2, [9]) == 7  # up at once; its period of 15 s began with three


def test_growing_may_wait_for_the_smallest_proposal_of_a_window():
    it = scaler(up=Direction(60, FREE.policies))
    assert it.decide(0, 2, [2]) == 2
    assert it.decide(30, 2, [8]) == 2
    assert it.decide(61, 2, [8]) == 6


def test_limits_hold_whatever_is_proposed():
    it = Autoscaler(2, 8, FREE, FREE)
    assert it.decide(0, 6, [50]) == 8
    assert it.decide(100, 3, [0]) == 2


def test_the_published_replay_follows_the_load_and_comes_back():
    """With the component as it is now: whoever changes targets or behaviour replays it."""
    rows = json.loads((OUT / "autoscaling.json").read_text())["decisions"]
    it, targets = autoscaler()
    current = it.least
    for row in rows:
        current = it.decide(row["seconds"], current, proposals(row, current, targets))
        assert current == row["replicas"], row
    peak = max(row["rate"] for row in rows)
    # Two instances a pod: more than as many as work at the peak, and the least at the end.
    assert max(row["replicas"] for row in rows if row["rate"] == peak) * 2 > peak * 0.1
    assert current == it.least
    assert rows[-1]["failed"] == 0


def test_the_page_shows_the_published_replay():
    assert PAGE.read_text() == page()
