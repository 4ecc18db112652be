"""Pods: probes, limits, the security standard "restricted", images, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.k8s.checks.policies.objects import all_containers, labels, pods
from deploy.k8s.checks.subject import Manifest

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

_LABELS = ("name", "component", "part-of")
_IMAGE = re.compile(r".+(@sha256:[0-9a-f]{64}|:(?!latest$)[\w][\w.-]*)")
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|KEY(?!_ID)")
_TF32_OFF = {"name": "NVIDIA_TF32_OVERRIDE", "value": "0"}
_VARIABLE = re.compile(r"\$\(([A-Z_]+)\)")


def check(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """What is wrong with a pod."""
    for manifest, pod in pods(manifests):
        for problem in _pod(pod):
            yield manifest, problem
        # A tool and a training serve nobody.
        serving = () if manifest["kind"] in ("Pod", "Job") else pod["spec"]["containers"]
        for container in all_containers(pod):
            for problem in _container(container):
                yield manifest, f"container {container['name']}: {problem}"
            for problem in _serving(container) if container in serving else ():
                yield manifest, f"container {container['name']}: {problem}"


def _pod(pod: Manifest) -> Iterator[str]:
    for label in _LABELS:
        if f"app.kubernetes.io/{label}" not in labels(pod):
            yield f"pods lack the label app.kubernetes.io/{label}"
    spec = pod["spec"]
    if spec.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false: nothing of ours asks the API server"
    security = spec.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser"):
        yield "runs as root: runAsNonRoot and runAsUser say who else"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "seccompProfile is not RuntimeDefault"
    for volume in spec.get("volumes", ()):
        if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
            yield f"volume {volume['name']}: an emptyDir without sizeLimit can fill the node"
        if "hostPath" in volume:
            yield f"volume {volume['name']}: hostPath opens the node"


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    if not _IMAGE.fullmatch(container.get("image", "")):
        yield f"image {container.get('image')} has neither a version nor a digest"
    resources = container.get("resources", {})
    # No limit of processor time: it would only slow down what nobody else wants at the moment.
    for kind, resource in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if resource not in resources.get(kind, {}):
            yield f"no {kind}.{resource}"
    yield from _security(container.get("securityContext", {}))
    yield from _environment(container)


def _security(security: Mapping[str, Any]) -> Iterator[str]:
    if not security.get("readOnlyRootFilesystem"):
        yield "readOnlyRootFilesystem is not true"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security["capabilities"].get(
        "add"
    ):
        yield "capabilities are not just drop: [ALL]"


def _environment(container: Mapping[str, Any]) -> Iterator[str]:
    known = {variable["name"] for variable in container.get("env", ())}
    for variable in container.get("env", ()):
        if "value" in variable and _SECRET.search(variable["name"]):
            yield f"{variable['name']} is written down: secrets come from a secretKeyRef"
    words = container.get("command", []) + container.get("args", [])
    for name in _VARIABLE.findall(" ".join(words)):
        if name not in known:
            yield f"its command names $({name}), which env does not define"


def _serving(container: Mapping[str, Any]) -> Iterator[str]:
    """Answers are exact, and there are probes."""
    limits = container.get("resources", {}).get("limits", {})
    on_gpu = any(name.startswith("nvidia.com/") for name in limits)
    if on_gpu and _TF32_OFF not in container.get("env", ()):
        yield "NVIDIA_TF32_OVERRIDE is not 0: a GPU then multiplies with 10 bits of mantissa"
    ports = {port["containerPort"] for port in container.get("ports", ())}
    names = {port["name"] for port in container.get("ports", ())}
    for name in PROBES:
        if name not in container:
            yield f"no {name}"
            continue
        probe = container[name]
        port = probe.get("grpc", probe.get("httpGet", {})).get("port")
        if port is not None and port not in ports | names:
            yield f"{name} asks at port {port}, which the container does not have"
