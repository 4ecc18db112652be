"""The search: every part of an index has a pod, and the service knows every pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploy.k8s.checks.policies.objects import find, settings
from deploy.k8s.checks.subject import Manifest

_PORT = 8000


def check(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
    """Where pods, parts and addresses do not fit together."""
    tritons = find(manifests, "StatefulSet", "triton-similarity")
    service = find(manifests, "Deployment", "similarity")
    if not tritons or not service:
        return
    pods, parts = tritons["spec"]["replicas"], settings(manifests, tritons).get("PARTS", "")
    if not parts.isdigit() or int(parts) < 1 or pods % int(parts):
        yield tritons, f"{pods} pods cannot serve PARTS={parts}: a multiple of it can"
    elif pods == int(parts) and service["spec"].get("replicas") != 1:
        yield tritons, f"one pod for each part: a rollout ends searches; let it have {2 * pods}"
    addresses = {f"triton-similarity-{i}.triton-similarity:{_PORT}" for i in range(pods)}
    known = settings(manifests, service).get("ANIMEGAN_SIMILARITY_TRITON_URL", "")
    if set(known.split(",")) != addresses:
        yield service, f"its triton_url is {known}, the pods are {', '.join(sorted(addresses))}"
