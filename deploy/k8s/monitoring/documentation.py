"""The tables of docs/operations/monitoring.md: objectives, alerts, metrics."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from deploy.k8s.monitoring.files import FOLDER, rules
from deploy.k8s.monitoring.objectives import OBJECTIVES

PAGE = Path("docs") / "operations" / "monitoring.md"

_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
# Templates of annotations, as people read them: {{ $labels.job }} is <job>.
_TEMPLATE = re.compile(r"{{ \$labels\.(\w+) }}")


def page(text: str, folder: Path = FOLDER) -> str:
    """The page with its tables made anew."""
    tables = {"objectives": _objectives(), "alerts": _alerts(folder), "metrics": _metrics(folder)}
    made = {name: "\n".join(lines) for name, lines in tables.items()}
    return _TABLE.sub(lambda found: f"{found[1]}\n{made[found[2]]}\n\n{found[3]}", text)


def _objectives() -> Iterator[str]:
    yield "| service | RPC | 99 % of the answers within |"
    yield "|---|---|---|"
    for one in OBJECTIVES:
        what = "" if one.counts == "request" else ", first answer"
        yield f"| {one.service} | {one.method} | {one.seconds:g} s{what} |"


def _alerts(folder: Path) -> Iterator[str]:
    yield "| alert | severity | after | says |"
    yield "|---|---|---|---|"
    for _, rule in rules(folder):
        if "alert" in rule:
            name, summary = (
                rule["alert"],
                _TEMPLATE.sub(r"<\1>", rule["annotations"].get("summary", "")),
            )
            link, told = f"[{name}](runbooks/{name}.md)", summary.replace("<", "&lt;")
            severity, after = rule["labels"]["severity"], rule.get("for", "at once")
            yield f"| {link} | {severity} | {after} | {told} |"


def _metrics(folder: Path) -> Iterator[str]:
    for group in yaml.load((folder / "metrics.yml").read_text(), yaml.CSafeLoader):
        yield from (f"### {group['group']}", "")
        if "about" in group:
            yield from (group["about"], "")
        yield "| metric | type | labels | meaning |"
        yield "|---|---|---|---|"
        for one in group["metrics"]:
            labels = ", ".join(f"`{label}`" for label in one["labels"])
            yield f"| `{one['name']}` | {one['type']} | {labels} | {one['meaning']} |"
        yield ""
