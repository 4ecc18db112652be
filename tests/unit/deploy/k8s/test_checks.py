"""The commands around the rules: kustomizations that do not build, image files, exit codes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.k8s.checks import __main__, images, kustomize, policies
from deploy.k8s.checks.subject import PROJECT, Finding, MissingProgramError, Subject, program
from tests.requires import require_program


def test_a_kustomization_that_does_not_build_is_told(tmp_path: Path):
    require_program("kubectl")
    broken = tmp_path / "overlays" / "broken"
    broken.mkdir(parents=True)
    (broken / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    builds, (finding,) = kustomize.build_all(tmp_path)
    assert builds == {}
    assert "overlays/broken" in str(finding)
    assert "missing.yaml" in str(finding)


@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 2)])
def test_a_check_without_its_program_is_skipped_by_name_or_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], required: str, code: int
):
    def check(_: Subject) -> Iterator[Finding]:
        program("no-such-program", "apt-get install it")
        yield Finding("somewhere", "is never reached")

    monkeypatch.setenv("ANIMEGAN_REQUIRE_ALL", required)
    monkeypatch.setattr(__main__, "CHECKS", {"its-name": check})
    monkeypatch.setattr(kustomize, "build_all", lambda _: ({}, []))
    assert __main__.main([]) == code
    shown = capsys.readouterr()
    told = f"{'its-name':24} skipped: no-such-program is not installed: apt-get install it\n"
    assert (told in shown.out) == (code == 0)
    assert ("no-such-program" in shown.err) == (code == 2)


def test_a_missing_program_is_named():
    with pytest.raises(MissingProgramError, match="no-such-program is not installed: apt"):
        program("no-such-program", "apt install it")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of the project as image files need, to spoil."""
    require_program("hadolint")
    for name in (
        "deploy/images",
        "protos/animegan",
        "services",
        "animegan_kernels",
        "animegan_search",
    ):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=lambda *_: {"__pycache__"})
    for name in ("pyproject.toml", "constraints.txt", "Makefile", ".dockerignore"):
        shutil.copy(PROJECT / name, tmp_path)
    for name in ("animegan_cli", "training"):
        (tmp_path / name).symlink_to(PROJECT / name)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("USER 10001:10001", "USER root", "DL3002"),
        ("USER 10001:10001\n", "", "runs as root"),
        ("python:3.11-slim-bookworm", "python:latest", "ARG PYTHON_IMAGE names neither"),
        ("FROM ${PYTHON_IMAGE} AS build", "FROM python:3.11 AS build", "an ARG lets a release"),
        ("WORKDIR /app\nUSER", "RUN pip install numpy==2.4.6\nUSER", "the last stage builds"),
        ('["python", "-m", "services.generator"]', "python -m services.generator", "as a list"),
        ("COPY services/generator ", "COPY services/generators ", "no such file"),
        ("PIP_VERSION=26.3", "PIP_VERSION=25.0", "the Makefile has"),
    ],
)
def test_a_planted_mistake_in_an_image_file_is_found(checkout, old, new, message):
    assert list(images.check(Subject(checkout, {}))) == []
    file = checkout / "deploy" / "images" / "generator.Dockerfile"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    findings = [str(finding) for finding in images.check(Subject(checkout, {}))]
    assert any(message in finding for finding in findings), findings


def test_a_source_that_the_builder_does_not_get_is_found(checkout):
    file = checkout / ".dockerignore"
    file.write_text(file.read_text().replace("!animegan_kernels\n", ""))
    told = {str(finding) for finding in images.check(Subject(checkout, {}))}
    assert told == {
        f"deploy/images/{name}.Dockerfile: COPY animegan_kernels: .dockerignore keeps it from the "
        "builder"
        for name in ("similarity", "training", "triton")
    }


def test_another_version_than_the_projects_is_found(checkout):
    pod = {"kind": "Pod", "metadata": {"name": "x"}, "spec": {"image": "anime-gan/triton:0.0.9"}}
    (finding,) = images.check(Subject(checkout, {"it": [pod]}))
    assert "runs anime-gan/triton:0.0.9" in str(finding)


def test_the_command_tells_mistakes_and_fails(checkout, capsys, monkeypatch):
    monkeypatch.setattr(__main__, "CHECKS", {"policies": policies.check})
    overlay = checkout / "deploy" / "k8s" / "overlays" / "bad"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: [pod.yaml]\n")
    (overlay / "pod.yaml").write_text(
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: x}]}}\n"
    )
    assert __main__.main(["--project", str(checkout)]) == 1
    assert "overlays/bad: Pod/x: container x: no requests.cpu" in capsys.readouterr().err
