"""The replay's figures as a table: what docs/operations/autoscaling.md shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from training.markdown import table

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """One thing that happened."""

    what: str
    value: str
    seconds: float | None = None  # since the load changed, as replayed


def render(document: Mapping[str, Any], target_s: float) -> str:
    """A replay as a table in Markdown.

    Args:
        document: what autoscaling.json holds: a load that rises once and falls again.
        target_s: the queue time that the autoscaler aims at, in seconds.
    """
    rows, hurry = document["decisions"], document["conditions"]["hurry"]
    peak = max(row["rate"] for row in rows)
    loaded = [at for at, row in enumerate(rows) if row["rate"] == peak]
    before, during = rows[loaded[0] - 1], rows[loaded[0] : loaded[-1] + 1]
    after = rows[loaded[-1] + 1 :]
    facts = [*_risen(before, during, target_s), *_fallen(during[-1], after, before["replicas"])]
    facts.append(Fact("requests; failed", f"{rows[-1]['sent']:,}; {rows[-1]['failed']}"))
    columns = ["value", "after, replayed", "at a cluster's pace"]
    return table("what", columns, [(fact.what, _cells(fact, hurry)) for fact in facts])


def _risen(before: Row, during: Sequence[Row], target_s: float) -> Iterator[Fact]:
    """What the higher load does; it began with the decision `before`."""
    begin, least = before["seconds"], before["replicas"]
    most = max(row["replicas"] for row in during)
    jam = max(during, key=lambda row: row["queue_s"])
    wanted = next(row for row in during if row["replicas"] > least)
    full = next(row for row in during if row["ready"] == most)
    calm = next(
        row for row in during if row["seconds"] > jam["seconds"] and row["queue_s"] <= target_s
    )
    yield Fact("requests a second rise", f"{before['rate']} to {during[0]['rate']}")
    yield Fact(
        "more pods are wanted", f"{least} to {wanted['replicas']}", wanted["seconds"] - begin
    )
    yield Fact("longest queue time", f"{jam['queue_s']:.2f} s", jam["seconds"] - begin)
    yield Fact("most pods, all ready", str(most), full["seconds"] - begin)
    calmed = f"{1000 * calm['queue_s']:.1f} ms"
    yield Fact("queue time within its target", calmed, calm["seconds"] - begin)
    settled = next(
        later
        for later, earlier in pairwise(reversed(during))
        if later["replicas"] != earlier["replicas"]
    )
    kept = str(settled["replicas"])
    yield Fact("pods that this load keeps", kept, settled["seconds"] - begin)


def _fallen(before: Row, after: Sequence[Row], least: int) -> Iterator[Fact]:
    """What the lower load does, likewise."""
    back = next(row for row in after if row["replicas"] == least)
    yield Fact("requests a second fall", f"{before['rate']} to {after[0]['rate']}")
    yield Fact("as few pods as before", str(least), back["seconds"] - before["seconds"])


def _cells(fact: Fact, hurry: float) -> list[str]:
    if fact.seconds is None:
        return [fact.value, "", ""]
    return [fact.value, f"{fact.seconds:.0f} s", f"{fact.seconds * hurry / 60:.1f} min"]
