"""How the policies look at objects: what runs pods, and which pods a selector means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from deploy.k8s.checks.subject import Manifest

Labels = Mapping[str, str]

COMPONENT = "app.kubernetes.io/component"
NAME = "app.kubernetes.io/name"

_RUNNERS = ("Deployment", "StatefulSet", "Job", "Pod")
_OPERATORS = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
}


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> Iterator[Manifest]:
    """The objects of these kinds."""
    return (manifest for manifest in manifests if manifest["kind"] in kinds)


def workloads(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """What keeps pods running."""
    return of_kind(manifests, "Deployment", "StatefulSet")


def pod(manifest: Manifest) -> Manifest:
    """The pod that an object is, or is the template of: metadata and spec."""
    template: Manifest = manifest["spec"]["template"] if manifest["kind"] != "Pod" else manifest
    return template


def pods(manifests: Iterable[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Everything that runs pods, with its pod."""
    return ((m, pod(m)) for m in of_kind(manifests, *_RUNNERS))


def all_containers(pod: Manifest) -> Sequence[Mapping[str, Any]]:
    """The containers of a pod, those that run before the others first."""
    spec = pod["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def container(manifest: Manifest) -> Mapping[str, Any]:
    """The container of a workload: ours have one."""
    (only,) = pod(manifest)["spec"]["containers"]
    one: Mapping[str, Any] = only
    return one


def labels(manifest: Manifest) -> Labels:
    """The labels of a pod."""
    found: Labels = manifest["metadata"].get("labels", {})
    return found


def selects(selector: Mapping[str, Any], of: Labels) -> bool:
    """Whether a label selector (matchLabels and matchExpressions) means a pod with these labels."""
    if any(of.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(
        _OPERATORS[one["operator"]](of.get(one["key"]), one.get("values", ()))
        for one in selector.get("matchExpressions", ())
    )


def find(manifests: Sequence[Manifest], kind: str, name: str) -> Manifest | None:
    """The object of this kind and name."""
    named = (m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name)
    return next(named, None)


def settings(manifests: Sequence[Manifest], manifest: Manifest) -> Mapping[str, str]:
    """The environment of a workload's container as its manifests tell it, without secrets."""
    found: dict[str, str] = {}
    for source in container(manifest).get("envFrom", ()):
        config = find(manifests, "ConfigMap", source.get("configMapRef", {}).get("name", ""))
        found |= config["data"] if config else {}
    for variable in container(manifest).get("env", ()):
        reference = variable.get("valueFrom", {}).get("configMapKeyRef")
        config = find(manifests, "ConfigMap", reference["name"]) if reference else None
        if config:
            found[variable["name"]] = config["data"].get(reference["key"], "")
        elif "value" in variable:
            found[variable["name"]] = variable["value"]
    return found
