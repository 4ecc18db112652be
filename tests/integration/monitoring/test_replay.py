"""A few decisions of the autoscaling replay: real Tritons, a real Prometheus, a real load."""

import asyncio
from itertools import pairwise

from benchmarks.autoscaling import __main__ as replay
from tests.requires import require_program


def test_too_much_load_brings_more_pods(tmp_path, monkeypatch):
    require_program("prometheus")
    monkeypatch.setattr(replay, "PHASES", ((60, 7.5),))  # two pods carry 40 requests a second
    monkeypatch.setattr(replay, "START_SECONDS", 0)
    rows = asyncio.run(replay.replay(tmp_path))
    assert [row["rate"] for row in rows] == [60] * 5
    assert all(before["sent"] < after["sent"] for before, after in pairwise(rows))
    assert rows[0]["ready"] == 2
    assert rows[-1]["queue_s"] > 0.02
    assert (
        rows[-1]["busy"] > 1
    )  # of four instances; the range that it is a mean of is still filling
    assert rows[-1]["replicas"] > 2
    assert rows[-1]["failed"] == 0
