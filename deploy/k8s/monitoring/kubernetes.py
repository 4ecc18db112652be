"""What the Prometheus Operator wants: the rule files and the routes as Kubernetes objects."""

import re
from pathlib import PurePosixPath
from typing import Any

from deploy.k8s.monitoring.files import Tree

_MATCHER = re.compile(r'\s*(?P<name>\w+)\s*(?P<matchType>=~|!~|!=|=)\s*"(?P<value>.*)"\s*')
_LABELS = {"app.kubernetes.io/part-of": "anime-gan"}


def prometheus_rule(name: str, rules: Tree) -> Tree:
    """A PrometheusRule that holds the groups of a rule file."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"animegan-{name}", "labels": _LABELS},
        "spec": rules,
    }


def alertmanager_config(config: Tree) -> Tree:
    """An AlertmanagerConfig with the routes of a configuration; files of secrets become references.

    The Operator adds a matcher for the object's namespace: only our own alerts are routed so.

    Raises:
        ValueError: a matcher is not written as name="value".
    """
    return {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": "animegan", "labels": _LABELS},
        "spec": {
            "route": _route(config["route"]),
            "inhibitRules": [_inhibition(rule) for rule in config["inhibit_rules"]],
            "receivers": [_receiver(receiver) for receiver in config["receivers"]],
        },
    }


def _route(route: Tree) -> Tree:
    route = {_camel(key): value for key, value in route.items()}
    if "matchers" in route:
        route["matchers"] = _matchers(route["matchers"])
    if "routes" in route:
        route["routes"] = [_route(child) for child in route["routes"]]
    return route


def _inhibition(rule: Tree) -> Tree:
    return {
        "sourceMatch": _matchers(rule["source_matchers"]),
        "targetMatch": _matchers(rule["target_matchers"]),
        "equal": rule["equal"],
    }


def _matchers(matchers: list[str]) -> list[dict[str, str]]:
    found = [_MATCHER.fullmatch(matcher) for matcher in matchers]
    if not all(found):
        raise ValueError(f'not every matcher is written as name="value": {matchers}')
    return [match.groupdict() for match in found if match]


def _receiver(receiver: Tree) -> Tree:
    """A receiver, whose values are its name and lists of settings."""
    return {
        _camel(key): [_settings(one) for one in value] if isinstance(value, list) else value
        for key, value in receiver.items()
    }


def _settings(settings: Tree) -> Tree:
    return dict(_setting(key, value) for key, value in settings.items())


def _setting(key: str, value: Any) -> tuple[str, Any]:
    if key.endswith("_file"):
        path = PurePosixPath(value)
        return _camel(key.removesuffix("_file")), {"name": path.parent.name, "key": path.name}
    if key == "details":
        return key, [{"key": name, "value": text} for name, text in value.items()]
    return _camel(key), value


def _camel(key: str) -> str:
    """The Operator's spelling of one of Alertmanager's keys: api_url -> apiURL."""
    first, *rest = key.split("_")
    return first + "".join("URL" if word == "url" else word.capitalize() for word in rest)
