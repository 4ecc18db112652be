"""Rules and Alertmanager's configuration as they lie here, and faster versions for tests."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
ALERTMANAGER = "alertmanager.yml"

Tree = dict[str, Any]

# Of PromQL: the range of a selector or a subquery, and its offset.
_RANGES = re.compile(r"(?<=\[)[^]]+(?=\])|(?<=\boffset )\w+")
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")  # 1h30m is one duration of two parts
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_LEAST_MS = 1000  # evaluations and scrapes are a second apart at best


def rule_files(folder: Path = FOLDER) -> list[Path]:
    """Every file of rules below this folder, sorted by name."""
    return sorted((folder / "rules").glob("*.yml"))


def rules(folder: Path = FOLDER) -> Iterator[tuple[Path, Tree]]:
    """Every rule, with the file that it is in."""
    for file in rule_files(folder):
        for group in read(file)["groups"]:
            for rule in group["rules"]:
                yield file, rule


def read(file: Path) -> Tree:
    """The content of a YAML file whose top is a mapping."""
    content: Tree = yaml.load(file.read_text(), yaml.CSafeLoader)
    return content


def hurried_rules(rules: Tree, factor: float) -> Tree:
    """The same rules with every duration `factor` times shorter, at least a second.

    Only what is compared with time itself is not changed: thresholds in seconds, and records, whose
    names keep the windows that they are called after.
    """

    def hurried(rule: Tree) -> Tree:
        changed = rule | {"expr": hurried_query(rule["expr"], factor)}
        return changed | ({"for": _shorten(rule["for"], factor)} if "for" in rule else {})

    return {
        "groups": [
            group
            | {
                "interval": _shorten(group["interval"], factor),
                "rules": [hurried(rule) for rule in group["rules"]],
            }
            for group in rules["groups"]
        ]
    }


def hurried_query(query: str, factor: float) -> str:
    """The same query with every range and offset `factor` times shorter, at least a second."""
    return _RANGES.sub(_shorter(factor), query)


def hurried_routes(config: Tree, factor: float) -> Tree:
    """The same configuration, waiting `factor` times shorter before anybody is told."""

    def hurried(route: Tree) -> Tree:
        waits = {
            key: _shorten(route[key], factor)
            for key in ("group_wait", "group_interval") & route.keys()
        }
        return route | waits | {"routes": [hurried(child) for child in route.get("routes", [])]}

    return config | {"route": hurried(config["route"])}


def told_to(config: Tree, url: str) -> Tree:
    """The same routes, with `url`/<receiver> as the webhook of every receiver."""
    receivers = [
        {
            "name": receiver["name"],
            "webhook_configs": [{"url": f"{url}/{receiver['name']}", "send_resolved": True}],
        }
        for receiver in config["receivers"]
    ]
    return config | {"receivers": receivers}


def told_to_nobody(config: Tree) -> Tree:
    """The same routes, with receivers that only Alertmanager's own page shows."""
    return config | {"receivers": [{"name": one["name"]} for one in config["receivers"]]}


def _shorter(factor: float) -> Callable[[re.Match[str]], str]:
    return lambda match: _DURATION.sub(lambda each: _shorten(each[0], factor), match[0])


def _shorten(duration: str, factor: float) -> str:
    total = sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(duration))
    return f"{max(_LEAST_MS, round(1000 * total / factor))}ms"
