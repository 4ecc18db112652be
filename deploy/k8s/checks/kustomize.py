"""Builds kustomizations: every overlay, and every combination that we support."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from deploy.k8s.checks.subject import Finding, Manifest, program

# Folders with one kustomization in each of their folders. What is built is what can be applied.
BUILT = ("overlays", "tests", "tools")

_SECONDS = 60


class _Loader(yaml.CSafeLoader):
    """The loader written in C: three hundred objects take half a second instead of five."""


# A lone "=", which PyYAML takes for a tag of YAML 1.1 that nothing else knows, is a string.
_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


class BuildError(Exception):
    """A kustomization cannot be built; the message is kubectl's."""


def kustomizations(k8s: Path) -> list[Path]:
    """The folders below `k8s` that are built, sorted."""
    return sorted(
        file.parent for name in BUILT for file in (k8s / name).glob("*/kustomization.yaml")
    )


def build(folder: Path) -> list[Manifest]:
    """The objects that a kustomization makes.

    Raises:
        BuildError: kubectl refuses it.
        MissingProgramError: there is no kubectl.
    """
    kubectl = program("kubectl", "pip install --group k8s")
    command = [kubectl, "kustomize", str(folder)]
    result = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if result.returncode != 0:
        raise BuildError(result.stderr.strip())
    return [manifest for manifest in yaml.load_all(result.stdout, _Loader) if manifest]


def build_all(k8s: Path) -> tuple[dict[str, list[Manifest]], list[Finding]]:
    """Build everything below `k8s`.

    Returns:
        What was built, by folder relative to `k8s`; and what could not be built.

    Raises:
        MissingProgramError: there is no kubectl.
    """
    folders = kustomizations(k8s)
    builds: dict[str, list[Manifest]] = {}
    findings = []
    with ThreadPoolExecutor(2) as threads:
        pending = {
            str(folder.relative_to(k8s)): threads.submit(build, folder) for folder in folders
        }
        for name, future in pending.items():
            try:
                builds[name] = future.result()
            except BuildError as error:
                findings.append(Finding(name, str(error)))
    return builds, findings
