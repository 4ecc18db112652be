"""What dashboards consist of: rows of panels, each with queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

# Every query is narrowed to the namespaces that the reader has chosen.
HERE = 'namespace=~"$namespace"'

_GRAPH_HEIGHT, _NUMBER_HEIGHT = 8, 4  # in cells of Grafana's grid


@dataclass(frozen=True)
class Query:
    """A PromQL query and how its series are called: "{{label}}" is replaced."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A curve for each series, a number, or a heatmap of a histogram's buckets."""

    title: str
    unit: str  # of Grafana's list: s, percentunit, reqps, bytes, short
    queries: Sequence[Query]
    about: str  # what it shows and what is good
    kind: Literal["graph", "number", "heat"] = "graph"
    limit: float | None = None  # drawn as a line (graph), turns red (number)
    low_is_bad: bool = False
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels side by side, under a title."""

    title: str
    panels: Sequence[Panel]
    height: int = _GRAPH_HEIGHT


def graph(title: str, unit: str, *queries: Query, about: str, **options: Any) -> Panel:
    """Curves over time."""
    return Panel(title, unit, queries, about, **options)


def number(title: str, unit: str, expr: str, *, about: str, **options: Any) -> Panel:
    """The last value, large."""
    return Panel(title, unit, (Query(expr, "now"),), about, kind="number", **options)


def heat(title: str, unit: str, expr: str, *, about: str) -> Panel:
    """How the values of a histogram are distributed over time; `expr` sums by le."""
    return Panel(title, unit, (Query(expr, "{{le}}"),), about, kind="heat")


def numbers(title: str, *panels: Panel) -> Row:
    """A flat row of numbers."""
    return Row(title, panels, _NUMBER_HEIGHT)


@dataclass(frozen=True)
class Dashboard:
    """One page of Grafana."""

    uid: str  # of its address; and the name of its file
    title: str
    about: str
    rows: Sequence[Row]
