"""Serving needs no torch: neither what it imports nor what it installs."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests.distributions import closure, requirements

ROOT = Path(__file__).parents[3]
FORBIDDEN = {
    "torch", "training", "onnx", "onnxruntime", "scipy", "sklearn", "matplotlib", "tritonclient",
}  # fmt: skip


SERVICES = ["generator", "similarity", "upscaler"]


@pytest.mark.parametrize("service", SERVICES)
def test_starting_the_service_imports_no_torch(service):
    program = f"import sys, services.{service}.__main__; print('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    imported = {name.partition(".")[0] for name in result.stdout.split()}
    assert "grpc" in imported
    assert not imported & FORBIDDEN


def test_releasing_imports_no_torch_and_nothing_of_a_local_stack():
    """Where operators work there is the group `release`, and the client."""
    program = "import sys; begun = set(sys.modules)\n"  # hooks of packages that .venv has
    program += "import animegan_cli.verbs.models, training.cli.models\n"
    program += "print('\\n'.join(set(sys.modules) - begun))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    imported = {name.partition(".")[0] for name in result.stdout.split()}
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = requirements("release", pyproject["dependency-groups"])
    installed = closure(wanted | set(pyproject["project"]["dependencies"]))
    distributions = metadata.packages_distributions()
    found = {"grpc_health", "grpc_reflection", "grpc_tools"}  # grpc imports them where they are
    for name in imported & distributions.keys() - found:
        owners = {re.sub(r"[-_.]+", "-", owner).lower() for owner in distributions[name]}
        assert owners & (installed | {"anime-gan"}), name


@pytest.mark.parametrize("service", SERVICES)
def test_installing_the_service_installs_no_torch(service):
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = requirements(service, pyproject["dependency-groups"])
    installed = closure(wanted | set(pyproject["project"]["dependencies"]))
    assert {"numpy", "grpcio", "pydantic"} <= installed
    assert not installed & (FORBIDDEN | {"scikit-learn"})
    assert not [name for name in installed if name.startswith(("nvidia", "torch"))]
