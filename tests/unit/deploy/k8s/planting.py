"""Plants mistakes into manifests: `at(production, "Deployment", "generator")["spec"]...`."""

from typing import Any


def at(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The object of this kind and name."""
    for manifest in manifests:
        if manifest["kind"] == kind and manifest["metadata"]["name"] == name:
            return manifest
    raise KeyError(f"{kind}/{name}")


def pod(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The spec of a workload's pods."""
    return at(manifests, kind, name)["spec"]["template"]["spec"]


def container(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """A workload's container."""
    return pod(manifests, kind, name)["containers"][0]


def settings(manifests: list[dict[str, Any]], prefix: str) -> dict[str, str]:
    """The data of the ConfigMap whose name begins so."""
    return next(
        manifest["data"]
        for manifest in manifests
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"].startswith(prefix)
    )


def remove(manifests: list[dict[str, Any]], kind: str, name: str) -> None:
    """Take an object out."""
    manifests.remove(at(manifests, kind, name))
