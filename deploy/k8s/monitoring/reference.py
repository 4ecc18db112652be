"""The metrics that there are, as metrics.yml lists them, and PromQL queries that use them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import promql_parser
import yaml

from deploy.k8s.monitoring.files import FOLDER, rules

# Every scraped series has these, whatever its metric.
TARGET_LABELS = frozenset({"namespace", "job", "instance", "pod"})

# What Grafana puts into queries before Prometheus sees them.
_GRAFANA = {"$__rate_interval": "5m"}
_RECORDED = re.compile(r"\w+:\w+:\w+")


@dataclass(frozen=True)
class Metric:
    """A metric as a process shows it, or as Prometheus and the cluster do."""

    name: str
    type: str
    labels: frozenset[str]
    meaning: str
    group: str
    external: bool  # not shown by a process of ours
    gpu: bool  # only where there is one

    def series(self) -> Mapping[str, frozenset[str]]:
        """The names of its series, each with its own labels."""
        if self.type != "histogram":
            return {self.name: self.labels}
        plain = {f"{self.name}_{part}": self.labels for part in ("sum", "count")}
        return plain | {f"{self.name}_bucket": self.labels | {"le"}}


def metrics(folder: Path = FOLDER) -> Iterator[Metric]:
    """Every metric of metrics.yml; those of all services once for each service."""
    for group in yaml.load((folder / "metrics.yml").read_text(), yaml.CSafeLoader):
        for entry in group["metrics"]:
            for service in group.get("services", [""]):
                yield Metric(
                    name=entry["name"].replace("<service>", service),
                    type=entry["type"],
                    labels=frozenset(entry["labels"]),
                    meaning=entry["meaning"],
                    group=group["group"],
                    external=group.get("external", False),
                    gpu=entry.get("gpu", False),
                )


def series(folder: Path = FOLDER) -> Mapping[str, frozenset[str]]:
    """Every series that Prometheus has, and its labels; of records they are not all known."""
    shown = {name: at for metric in metrics(folder) for name, at in metric.series().items()}
    recorded = {rule["record"] for _, rule in rules(folder) if "record" in rule}
    return {name: labels | TARGET_LABELS for name, labels in shown.items()} | dict.fromkeys(
        recorded, TARGET_LABELS
    )


def mistakes(query: str, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What is wrong with a query: its syntax, or metrics and labels that are not `known`."""
    for variable, value in _GRAFANA.items():
        query = query.replace(variable, value)
    try:
        found = list(_selectors(promql_parser.parse(query)))
    except ValueError as error:
        yield f"does not parse: {error}"
        return
    for name, labels in found:
        if name not in known:
            yield f"no metric {name} in metrics.yml, and no rule records it"
        elif not _RECORDED.fullmatch(name):
            yield from (f"{name} has no label {label}" for label in sorted(labels - known[name]))


def _selectors(tree: promql_parser.Expr) -> Iterator[tuple[str, frozenset[str]]]:
    """Every selector of a query: its metric and the labels that it asks for."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(tree, visit)
    for selector in found:
        labels = frozenset(matcher.name for matcher in selector.matchers.matchers)
        yield selector.name or "(a selector without a metric)", labels
