"""An image holds every module that it runs, told without a builder."""

import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from torch.distributed.run import get_args_parser

from animegan_kernels.libraries import ALL
from deploy.k8s.checks.images import parse
from deploy.k8s.checks.subject import PROJECT
from tests.distributions import closure, requirements
from tests.unit.deploy.k8s.planting import at, container
from training.datasets.store import DatasetWriter, Header

# Without `site` the checkout, which is installed as editable, is not on the path.
PROGRAM = """
import runpy, sys
tree, packages, absent, *sys.argv = sys.argv[1:]
sys.path = [tree, *sys.path, packages]
sys.modules |= dict.fromkeys(absent.split())
runpy.run_module(sys.argv[0], run_name="{}", alter_sys=True)
"""


def lay_out(image: str, tree: Path) -> str:
    """Put the folders of an image below a folder, as its file copies them; return the file."""
    text = (PROJECT / "deploy" / "images" / f"{image}.Dockerfile").read_text()
    for instruction in parse(text):
        if instruction.name == "COPY" and " /app/" in instruction.text:
            source, target = instruction.text.split()
            copied = tree / Path(target).relative_to("/app")
            copied = copied / Path(source).name if target.endswith("/") else copied
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.symlink_to(PROJECT / source)
    return text


@cache
def absent(group: str) -> frozenset[str]:
    """Modules that are installed here, and not where there is this group alone."""
    groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
    there = closure(requirements(group, groups))
    return frozenset(
        module
        for module, owners in metadata.packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & there
    )


def run(
    tree: Path, group: str, *command: str, name: str = "__main__"
) -> subprocess.CompletedProcess[str]:
    """Run a module with its arguments: of this tree, and of the packages of a group."""
    isolated = [sys.executable, "-I", "-S", "-c", PROGRAM.format(name)]
    ours = {"animegan", "animegan_client", "animegan_cli"}  # the tree may have them
    missing = " ".join(absent(group) - ours)
    return subprocess.run(
        [*isolated, str(tree), sysconfig.get_path("purelib"), missing, *command],
        capture_output=True, text=True, check=False, timeout=240, cwd=tree,
    )  # fmt: skip


@pytest.mark.parametrize("service", ["generator", "similarity", "upscaler"])
def test_the_copied_folders_are_enough(service: str, tmp_path: Path):
    lay_out(service, tmp_path)
    result = run(tmp_path, service, f"services.{service}.__main__", name="imported")
    assert result.returncode == 0, result.stderr


def test_the_training_job_begins_in_its_image(built, tmp_path: Path):
    """Its command, up to the plan, with a dataset where the volume is mounted."""
    manifests = built("tools/train")
    job, one = at(manifests, "Job", "train"), container(manifests, "Job", "train")
    assert one["command"] == ["torchrun"]
    words = [each.replace("$(NODE_RANK)", "0") for each in one["args"]]  # the policies know it
    launch = get_args_parser().parse_args(words)
    assert launch.module and int(launch.nnodes) == job["spec"]["completions"]
    pods, service = job["spec"]["template"]["spec"], at(manifests, "Service", "train")
    assert (
        launch.master_addr
        == f"train-0.{pods['subdomain']}"
        == f"train-0.{service['metadata']['name']}"
    )
    assert int(launch.nproc_per_node) == int(one["resources"]["limits"]["nvidia.com/gpu"])

    lay_out("training", tmp_path / "app")
    mounts = {mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]}
    arguments = [
        each.replace(f"={mounts['data']}/", f"={tmp_path}/") for each in launch.training_script_args
    ]
    assert arguments != launch.training_script_args
    assert any(each.startswith(f"--run={mounts['runs']}/") for each in arguments)
    writer = DatasetWriter(tmp_path / "faces-256", Header("faces", 256, 3, 1, "CC0-1.0", {}))
    writer.write_shard(0, np.zeros((1, 256, 256, 3), np.uint8), [{}])
    writer.finish()
    result = run(tmp_path / "app", "training", launch.training_script, *arguments, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "stylegan-256-gpu" in result.stdout


def test_the_training_image_compiles_what_there_is(tmp_path: Path):
    (names,) = re.findall(
        r"^RUN python3 -m animegan_kernels (.*)$", lay_out("training", tmp_path), re.MULTILINE
    )
    assert set(shlex.split(names)) <= {library.name for library in ALL}


@pytest.mark.parametrize("verb", ["dataset import", "index build", "train"])
def test_the_training_image_runs_the_command(verb: str, tmp_path: Path):
    lay_out("training", tmp_path)
    result = run(tmp_path, "training", "animegan_cli.main", *verb.split(), "--help")
    assert result.returncode == 0, result.stderr
    assert f"anime-gan {verb}" in result.stdout


@pytest.mark.parametrize(
    "verb", ["dataset.importing", "dataset.render", "evaluate", "index.build", "copies.train"]
)
def test_the_training_image_has_what_its_verbs_import(verb: str, tmp_path: Path):
    """Of ours and of others: the group `training` is all that is installed."""
    lay_out("training", tmp_path)
    result = run(tmp_path, "training", f"training.cli.{verb}", name="imported")
    assert result.returncode == 0, result.stderr
