"""References: whatever names or selects an object finds it here, or in `external.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import yaml

from deploy.k8s.checks.policies.objects import (
    all_containers,
    container,
    find,
    labels,
    of_kind,
    pod,
    pods,
    selects,
)
from deploy.k8s.checks.subject import PROJECT, Manifest

# Pods of operators' own hands, which are made when they are needed.
_BY_HAND = {"app.kubernetes.io/component": "admin"}


@cache
def external() -> frozenset[tuple[str, str]]:
    """Kind and name of what an operator makes; docs/operations/kubernetes.md tells how."""
    listed = yaml.safe_load((PROJECT / "deploy" / "k8s" / "external.yaml").read_text())
    return frozenset((one["kind"], one["name"]) for one in listed)


def check(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """What refers to something that is not there."""
    for manifest, template in pods(manifests):
        for kind, name in sorted(set(_named(template))):
            # A tool's pod, made by hand, uses the volumes of whatever overlay is there.
            if manifest["kind"] != "Pod" and not _there(manifests, kind, name):
                yield manifest, f"{kind} {name} is neither built nor listed in external.yaml"
    for manifest in manifests:
        for problem in _selection(manifests, manifest):
            yield manifest, problem
        for kind, name in _targets(manifest):
            if not _there(manifests, kind, name):
                yield manifest, f"{kind} {name} is not there"
    for service in of_kind(manifests, "Service"):
        for problem in _ports(manifests, service):
            yield service, problem


def _there(manifests: Sequence[Manifest], kind: str, name: str) -> bool:
    return find(manifests, kind, name) is not None or (kind, name) in external()


def _named(template: Manifest) -> Iterator[tuple[str, str]]:
    """What a pod takes its settings, secrets and volumes from, and its priority."""
    spec = template["spec"]
    if "priorityClassName" in spec:
        yield "PriorityClass", spec["priorityClassName"]
    for volume in spec.get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
    for one in all_containers(template):
        for source in one.get("envFrom", ()):
            for key, reference in source.items():
                yield _kind(key), reference["name"]
        for variable in one.get("env", ()):
            for key, reference in variable.get("valueFrom", {}).items():
                if key in ("secretKeyRef", "configMapKeyRef"):
                    yield _kind(key), reference["name"]


def _kind(key: str) -> str:
    return "Secret" if key.startswith("secret") else "ConfigMap"


def _targets(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What autoscalers, routes and gateways name."""
    spec = manifest.get("spec", {})
    if "scaleTargetRef" in spec:
        yield spec["scaleTargetRef"].get("kind", "Deployment"), spec["scaleTargetRef"]["name"]
    for rule in spec.get("rules", ()) if manifest["kind"] == "GRPCRoute" else ():
        for backend in rule["backendRefs"]:
            yield "Service", backend["name"]
    for parent in spec.get("parentRefs", ()):
        yield "Gateway", parent["name"]
    for listener in spec.get("listeners", ()):
        for certificate in listener.get("tls", {}).get("certificateRefs", ()):
            yield "Secret", certificate["name"]
    if manifest["kind"] == "StatefulSet":
        yield "Service", spec["serviceName"]


def _selection(manifests: Sequence[Manifest], manifest: Manifest) -> Iterator[str]:
    """Selectors that mean no pod; a workload's must mean its own."""
    spec, kind = manifest.get("spec", {}), manifest["kind"]
    if kind in ("Deployment", "StatefulSet"):
        if not selects(spec["selector"], labels(pod(manifest))):
            yield "its selector does not mean its own pods"
        return
    selectors = {
        "Service": {"matchLabels": spec.get("selector")},
        "PodDisruptionBudget": spec.get("selector"),
        "NetworkPolicy": spec.get("podSelector"),
    }
    selector = selectors.get(kind)
    if not selector or selector.get("matchLabels") == _BY_HAND:
        return
    if not any(selects(selector, labels(template)) for _, template in pods(manifests)):
        yield f"selects no pod: {selector}"


def _ports(manifests: Sequence[Manifest], service: Manifest) -> Iterator[str]:
    selector = {"matchLabels": service["spec"]["selector"]}
    for manifest, template in pods(manifests):
        if not selects(selector, labels(template)):
            continue
        ports = {port["name"] for port in container(manifest).get("ports", ())}
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in ports:
                yield f"port {port['name']} leads to {port['targetPort']}, which pods lack"
