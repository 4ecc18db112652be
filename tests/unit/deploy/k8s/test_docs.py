"""docs/operations/kubernetes.md: what it tells to write builds, what it tells to run fits."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.k8s.checks import kustomize, policies, schemas
from deploy.k8s.checks.subject import PROJECT, Subject, program
from tests.requires import require_program
from tests.unit.deploy.k8s.conftest import K8S

PAGE = (PROJECT / "docs" / "operations" / "kubernetes.md").read_text()
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    ")]


def test_the_overlay_that_an_operator_writes_builds_and_keeps_all_rules(tmp_path: Path):
    require_program("kubectl")
    (overlay,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    shutil.copytree(K8S, tmp_path / "k8s")
    mine = tmp_path / "k8s" / "overlays" / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(overlay)
    manifests = kustomize.build(mine)
    subject = Subject(PROJECT, {"mine": manifests})
    assert [*map(str, policies.check(subject)), *map(str, schemas.check(subject))] == []
    built = str(manifests)
    assert built.count("s3://my-bucket/models") == 1
    assert built.count("registry.example.com/anime-gan/triton:0.1.0") == 3
    assert "example.com'" not in built.replace("registry.example.com", "")


def test_its_secrets_are_those_that_the_manifests_refer_to():
    kubectl = program("kubectl", "")
    made = {}
    for command in COMMANDS:
        if "create secret generic" in command:
            words = shlex.split(re.sub(r'"\$[^"]*"', "x", command))[1:]
            result = subprocess.run(
                [kubectl, *words, "--dry-run=client", "--output=yaml"],
                capture_output=True, text=True, check=True, timeout=60,
            )  # fmt: skip
            secret = yaml.safe_load(result.stdout)
            made[secret["metadata"]["name"]] = set(secret["data"])
    listed = yaml.safe_load((K8S / "external.yaml").read_text())
    assert made == {one["name"]: set(one["keys"]) for one in listed if "tls.key" not in one["keys"]}
    assert "kubectl -n anime-gan create secret tls gateway-tls --cert=tls.crt --key=tls.key" in (
        COMMANDS
    )


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"(?<![\w/])(?:deploy|tests|benchmarks)/[\w./-]*\w", PAGE)))
)
def test_the_files_that_it_names_are_there(path):
    assert (
        (PROJECT / path).exists()
        or path == "deploy/k8s/overlays/mine/kustomization.yaml"
        or (path == "deploy/k8s/overlays/mine")
    )


def test_every_component_is_explained():
    components = {folder.name for folder in (K8S / "components").iterdir()}
    assert sorted(name for name in components if f"`{name}`" not in PAGE) == []
