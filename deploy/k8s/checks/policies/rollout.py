"""Rollouts, drains and disruptions lose no request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deploy.k8s.checks.policies.objects import (
    COMPONENT,
    container,
    labels,
    of_kind,
    pod,
    selects,
    settings,
    workloads,
)
from deploy.k8s.checks.subject import Manifest
from services.common.rpc.settings import ServiceSettings

# Kubernetes' own, where a pod says nothing.
_DEFAULT_GRACE_SECONDS = 30

# Until a pod's own name leads to its new address: services ask every 5 s, DNS may answer with what
# it has known for 30 s, and what answers has to be up.
_NAME_SECONDS = 60


def check(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """What could lose a request when pods are replaced."""
    for workload in workloads(manifests):
        for problem in _leaving(manifests, workload):
            yield workload, problem
        if not pod(workload)["spec"].get("topologySpreadConstraints"):
            yield workload, "no topologySpreadConstraints: one node may hold all pods"
        if not _has_budget(manifests, workload):
            yield workload, "no PodDisruptionBudget selects its pods"
        for problem in _replacing(manifests, workload):
            yield workload, problem


def _leaving(manifests: Sequence[Manifest], workload: Manifest) -> Iterator[str]:
    """A pod has the time to tell everybody, and to finish."""
    before = container(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    if not before.get("seconds"):
        yield "no preStop.sleep: the pod stops before balancers have forgotten it"
        return
    needed = before["seconds"] + _drain_seconds(manifests, workload)
    grace = pod(workload)["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
    if grace <= needed:
        yield f"the grace period, {grace} s, is not longer than preStop and drain, {needed} s"
    age = _flag(workload, "grpc-max-connection-age")
    if age is not None and before["seconds"] <= age / 1000:
        yield f"preStop {before['seconds']} s is not longer than a connection lives, {age / 1000} s"


def _drain_seconds(manifests: Sequence[Manifest], workload: Manifest) -> float:
    """How long a process takes to end after SIGTERM, at most."""
    if labels(pod(workload)).get(COMPONENT) != "service":
        return _flag(workload, "exit-timeout-secs") or 0
    environment = settings(manifests, workload)
    prefix = f"ANIMEGAN_{workload['metadata']['name'].upper()}_"
    fields = ServiceSettings.model_fields
    return sum(
        float(environment.get(prefix + name.upper(), fields[name].default))
        for name in ("drain_wait_s", "drain_grace_s")
    )


def _flag(workload: Manifest, name: str) -> int | None:
    found = re.search(rf"--{name}=(\d+)", " ".join(container(workload).get("args", [])))
    return int(found[1]) if found else None


def _has_budget(manifests: Sequence[Manifest], workload: Manifest) -> bool:
    budgets = of_kind(manifests, "PodDisruptionBudget")
    return any(selects(budget["spec"]["selector"], labels(pod(workload))) for budget in budgets)


def _replacing(manifests: Sequence[Manifest], workload: Manifest) -> Iterator[str]:
    """A rollout that takes a pod away before it brings a new one needs a second one."""
    if workload["kind"] == "StatefulSet":
        if workload["spec"].get("minReadySeconds", 0) < _NAME_SECONDS:
            yield f"minReadySeconds is below {_NAME_SECONDS}: the next pod goes too early"
        return
    rolling = workload["spec"].get("strategy", {}).get("rollingUpdate", {})
    if rolling.get("maxUnavailable", "25%") == 0 or "replicas" not in workload["spec"]:
        return  # autoscalers keep two, see autoscaling.py
    if workload["spec"]["replicas"] < 2 and rolling.get("maxUnavailable"):
        yield "maxUnavailable takes its only pod away: two replicas, or maxUnavailable 0"
