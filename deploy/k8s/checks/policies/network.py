"""Network policies: every arrow is drawn from both ends, every port has a caller, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.k8s.checks.policies.objects import (
    Labels,
    container,
    find,
    labels,
    of_kind,
    pod,
    selects,
    settings,
    workloads,
)
from deploy.k8s.checks.subject import Manifest

_ENDS = {"Ingress": "from", "Egress": "to"}


def check(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """What the policies of a build forget, or leave open. A build without any is as it is."""
    policies = list(of_kind(manifests, "NetworkPolicy"))
    if not any(_denies_all(policy) for policy in policies):
        return
    for workload in workloads(manifests):
        for problem in _unreachable(policies, workload):
            yield workload, problem
        for problem in _missing_arrows(manifests, policies, workload):
            yield workload, problem
    for policy in policies:
        for rule in policy["spec"].get("ingress", ()):
            if not rule.get("from") or not rule.get("ports"):
                yield policy, "an ingress rule without `from` or without `ports` lets anybody in"


def _denies_all(policy: Manifest) -> bool:
    spec = policy["spec"]
    closed = not spec.get("ingress") and not spec.get("egress")
    return not spec["podSelector"] and closed and set(spec["policyTypes"]) == set(_ENDS)


def _unreachable(policies: Sequence[Manifest], workload: Manifest) -> Iterator[str]:
    """Ports that nobody may call. The kubelet's probes need no policy."""
    own = labels(pod(workload))
    for port in container(workload)["ports"]:
        rules = [rule for _, rule in _rules(policies, "Ingress", own)]
        if not any(_opens(rule, port["name"], port["containerPort"]) for rule in rules):
            yield f"no network policy lets anybody in at port {port['name']}"


def _missing_arrows(
    manifests: Sequence[Manifest], policies: Sequence[Manifest], workload: Manifest
) -> Iterator[str]:
    """From a service to the Triton that its settings name, at both ends."""
    urls = [v for k, v in settings(manifests, workload).items() if k.endswith("_TRITON_URL")]
    hosts = {url.rpartition(":")[0].rpartition(".")[2] for all in urls for url in all.split(",")}
    for host in sorted(hosts):
        target = find(manifests, "Deployment", host) or find(manifests, "StatefulSet", host)
        if target is None:
            yield f"calls {host}, which is not there"
            continue
        here, there = labels(pod(workload)), labels(pod(target))
        if not _allowed(policies, "Egress", here, there):
            yield f"no network policy lets it call {host}"
        if not _allowed(policies, "Ingress", there, here):
            yield f"no network policy of {host} lets it in"


def _allowed(policies: Sequence[Manifest], direction: str, own: Labels, other: Labels) -> bool:
    """Whether pods `own` may speak with Tritons, or Tritons with callers, of the same namespace."""
    return any(
        _opens(rule, "http", 8000)
        and any(
            "podSelector" in peer
            and "namespaceSelector" not in peer
            and selects(peer["podSelector"], other)
            for peer in rule.get(_ENDS[direction], ())
        )
        for _, rule in _rules(policies, direction, own)
    )


def _rules(
    policies: Sequence[Manifest], direction: str, own: Labels
) -> Iterator[tuple[Manifest, Mapping[str, Any]]]:
    for policy in policies:
        if selects(policy["spec"]["podSelector"], own):
            for rule in policy["spec"].get(direction.lower(), ()):
                yield policy, rule


def _opens(rule: Mapping[str, Any], name: str, number: int) -> bool:
    return any(port.get("port") in (name, number) for port in rule.get("ports", ()))
