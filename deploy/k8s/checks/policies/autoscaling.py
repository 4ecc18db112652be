"""Autoscalers: one a target, which says no number itself; calm; both ask the same question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.k8s.checks.policies.objects import find, of_kind
from deploy.k8s.checks.subject import PROJECT, Manifest

ADAPTER = Path("deploy/k8s/components/autoscale-triton-hpa/prometheus-adapter.yaml")

LABEL_MATCHERS = "<<.LabelMatchers>>"  # prometheus-adapter's, for the pods that it is asked about

_CALM_SECONDS = 300  # at least, before replicas are taken away

# The triggers of KEDA, by name, and the metrics that prometheus-adapter makes of the same queries.
_METRICS = {
    "queue": "animegan_triton_queue_seconds",
    "busy": "animegan_triton_busy_instances",
}


def check(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """What would fight with itself, flap, or ask the wrong question."""
    scalers = list(of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject"))
    targets = Counter(scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers)
    for scaler in scalers:
        name = scaler["spec"]["scaleTargetRef"]["name"]
        if targets[name] > 1:
            yield scaler, f"{targets[name]} autoscalers pull at {name}"
        target = find(manifests, "Deployment", name)
        if target and "replicas" in target["spec"]:
            yield scaler, f"{name} says replicas itself: applying it undoes what was scaled"
        least = scaler["spec"].get("minReplicas", scaler["spec"].get("minReplicaCount", 0))
        if least < 2:
            yield scaler, f"may leave {least} replicas: one lost node is an outage"
        down = _behavior(scaler).get("scaleDown", {})
        if down.get("stabilizationWindowSeconds", 0) < _CALM_SECONDS or not down.get("policies"):
            yield scaler, f"scaleDown needs policies and {_CALM_SECONDS} s of stabilisation"
        for trigger in scaler["spec"].get("triggers", ()):
            for problem in _trigger(trigger, name):
                yield scaler, problem
        for metric in scaler["spec"].get("metrics", ()):
            if metric["type"] == "External" and _asked(metric) not in _answered(name):
                yield scaler, f"prometheus-adapter.yaml makes no {_asked(metric)} of this target"


def _behavior(scaler: Manifest) -> Mapping[str, Any]:
    spec = scaler["spec"]
    advanced = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {})
    behavior: Mapping[str, Any] = spec.get("behavior", advanced.get("behavior", {}))
    return behavior


def _asked(metric: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """Name and labels of the external metric that an autoscaler of Kubernetes asks for."""
    asked = metric["external"]["metric"]
    return asked["name"], asked.get("selector", {}).get("matchLabels", {})


def _answered(target: str) -> list[tuple[str, Mapping[str, str]]]:
    """Those that prometheus-adapter has of the pods of a Deployment."""
    return [(name, {"job": f"animegan-{target}"}) for name in adapter_queries()]


def _trigger(trigger: Mapping[str, Any], target: str) -> Iterator[str]:
    """KEDA's queries are those of the adapter, for the target's own pods."""
    matchers = f'namespace="anime-gan",job="animegan-{target}"'
    wanted = adapter_queries()[_METRICS[trigger["name"]]].replace(LABEL_MATCHERS, matchers)
    if trigger["metadata"]["query"].split() != wanted.split():
        yield f"trigger {trigger['name']} asks something else than prometheus-adapter.yaml"


def adapter_queries(project: Path = PROJECT) -> Mapping[str, str]:
    """What prometheus-adapter asks for each metric; LABEL_MATCHERS stand for the pods."""
    rules = yaml.safe_load((project / ADAPTER).read_text())["externalRules"]
    return {rule["name"]["as"]: rule["metricsQuery"] for rule in rules}
