"""What the overlay `production` builds, once; every test gets a copy to spoil."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.k8s.checks import kustomize
from deploy.k8s.checks.subject import PROJECT
from tests.requires import require_program

K8S = PROJECT / "deploy" / "k8s"

Manifests = list[dict[str, Any]]


@pytest.fixture(scope="session")
def built() -> Callable[[str], Manifests]:
    """Builds a folder below deploy/k8s, once a session."""
    require_program("kubectl")
    builds: dict[str, Any] = {}

    def build(folder: str) -> Manifests:
        if folder not in builds:
            builds[folder] = kustomize.build(K8S / folder)
        return copy.deepcopy(builds[folder])

    return build


@pytest.fixture
def production(built) -> Manifests:
    """The overlay with the most in it."""
    return built("overlays/production")
