"""Validates every object strictly: an unknown field is a mistake, because the API server drops it.

Kubernetes' own kinds by the schemas that kubernetes-validate carries; custom resources by those in
`crds/`, which tell types, required and unknown fields, but neither patterns nor ranges. A kind
without a schema is a mistake, too: nothing goes unchecked.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

from deploy.k8s.checks.subject import Finding, Manifest, Subject

# The oldest release that has all we use, and the newest that the schemas know. The oldest is what
# `apps.kubernetes.io/pod-index` and `preStop.sleep` ask for.
VERSIONS = ("1.32", "1.37")

CRDS = Path(__file__).parent / "crds"

# API groups whose kinds are custom resources; kubernetes-validate knows all others.
_CUSTOM = ("keda.sh/", "monitoring.coreos.com/", "gateway.networking.k8s.io/")


def check(subject: Subject) -> Iterator[Finding]:
    """What the API server of each supported release would refuse, or silently drop."""
    seen: dict[str, list[str]] = {}  # equal objects of different builds are validated once
    for build, manifests in subject.builds.items():
        for manifest in manifests:
            text = json.dumps(manifest, sort_keys=True)
            if text not in seen:
                seen[text] = list(mistakes(manifest))
            for mistake in seen[text]:
                yield Finding.of(build, manifest, mistake)


def mistakes(manifest: Manifest) -> Iterator[str]:
    """What is wrong with one object."""
    custom = manifest["apiVersion"].startswith(_CUSTOM)
    for version in ("",) if custom else VERSIONS:
        validator = _custom(manifest["kind"]) if custom else _core(_file(manifest), version)
        if validator is None:
            yield f"no schema for {manifest['apiVersion']} {manifest['kind']} {version}".rstrip()
            continue
        for error in validator.iter_errors(manifest):
            release = f" (Kubernetes {version})" if version else ""
            yield f"{_path(error)}: {_reason(error)}{release}"


def _file(manifest: Manifest) -> str:
    """Name of a schema's file: deployment-apps-v1.json, networkpolicy-networking-v1.json."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    short = group.partition(".")[0]
    return "-".join(part for part in (manifest["kind"].lower(), short, version) if part) + ".json"


@cache
def _custom(kind: str) -> jsonschema.protocols.Validator | None:
    file = CRDS / f"{kind.lower()}.json"
    return jsonschema.Draft7Validator(_read(file)) if file.is_file() else None


@cache
def _core(file: str, version: str) -> jsonschema.protocols.Validator | None:
    folder = _folder(version)
    if not (folder / file).is_file():
        return None
    schema = _read(folder / file)
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    resource: Resource[Any] = Resource.from_contents(_read(_folder(version) / "_definitions.json"))
    return resource @ Registry()


def _folder(version: str) -> Path:
    schemas = Path(str(importlib.resources.files("kubernetes_validate"))) / "kubernetes-json-schema"
    return schemas / f"v{version}.0-local-strict"


def _read(file: Path) -> Any:
    return json.loads(file.read_text())


def _path(error: jsonschema.ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path) or "the object"


def _reason(error: jsonschema.ValidationError) -> str:
    """The message; of alternatives, the one that comes closest to what is there."""
    best = jsonschema.exceptions.best_match([error])
    return (best or error).message[:300]
