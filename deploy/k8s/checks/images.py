"""Image files: hadolint's rules, and ours for what ends up in an image."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.k8s.checks.subject import Finding, Subject, program

FOLDER = "deploy/images"

# What builds programs, and has no business where programs run.
_BUILDERS = re.compile(r"\b(gcc|g\+\+|cc|make|apt-get|apk|dnf|pip)\b")
_PINNED = re.compile(r".+(@sha256:[0-9a-f]{64}|:(?!latest\b)[\w][\w.-]*)")
_USER = re.compile(r"[1-9]\d*:[1-9]\d*")
_SECONDS = 60


@dataclass(frozen=True)
class Instruction:
    """One instruction of an image file, its lines joined."""

    name: str  # upper case
    text: str


def check(subject: Subject) -> Iterator[Finding]:
    """What is wrong with an image file, or with the versions that it repeats."""
    files = sorted((subject.project / FOLDER).glob("*.Dockerfile"))
    yield from _lint(subject.project, files)
    versions = _versions(subject.project)
    for file in files:
        where = str(file.relative_to(subject.project))
        instructions = parse(file.read_text())
        for problem in (
            *_bases(instructions),
            *_final_stage(instructions),
            *_sources(subject.project, instructions),
            *_repeated(instructions, versions),
        ):
            yield Finding(where, problem)
    for build, manifests in subject.builds.items():
        for manifest in manifests:
            for image in _images(manifest):
                # Another name is that of an operator's registry.
                if image.startswith("anime-gan/") and not image.endswith(f":{versions['project']}"):
                    problem = f"runs {image}, the project is at {versions['project']}"
                    yield Finding.of(build, manifest, problem)


def parse(text: str) -> list[Instruction]:
    """The instructions of an image file."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    found = []
    for line in joined.splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            found.append(Instruction(name.upper(), " ".join(rest.split())))
    return found


def _lint(project: Path, files: Sequence[Path]) -> Iterator[Finding]:
    command = [program("hadolint", "pip install --group k8s"), "--no-color", *map(str, files)]
    result = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    for line in (result.stdout + result.stderr).splitlines():
        yield Finding(line.removeprefix(f"{project}/").partition(" ")[0], line.partition(" ")[2])


def _bases(instructions: Sequence[Instruction]) -> Iterator[str]:
    """Bases are arguments, so that a release can give digests; their defaults are versions."""
    defaults = dict(i.text.partition("=")[::2] for i in instructions if i.name == "ARG")
    stages = {i.text.rpartition(" AS ")[2] for i in instructions if " AS " in i.text}
    for instruction in instructions:
        base = instruction.text.partition(" AS ")[0]
        if instruction.name != "FROM" or base in stages:
            continue
        argument = re.fullmatch(r"\$\{(\w+)\}", base)
        if not argument:
            yield f"FROM {base}: an ARG lets a release pin it by digest"
        elif not _PINNED.fullmatch(defaults.get(argument[1], "")):
            yield f"ARG {argument[1]} names neither a version nor a digest"


def _final_stage(instructions: Sequence[Instruction]) -> Iterator[str]:
    last = max(place for place, i in enumerate(instructions) if i.name == "FROM")
    final = instructions[last:]
    users = [i.text for i in final if i.name == "USER"]
    if not users or not _USER.fullmatch(users[-1]):
        yield "the image runs as root: USER uid:gid, in numbers, which runAsNonRoot can check"
    if not any(i.name == "ENTRYPOINT" and i.text.startswith("[") for i in final):
        yield "no ENTRYPOINT as a list: a shell would not pass on SIGTERM"
    for instruction in final:
        if instruction.name == "RUN" and _BUILDERS.search(instruction.text):
            yield f"the last stage builds ({instruction.text[:60]}): copy from an earlier one"


def _sources(project: Path, instructions: Sequence[Instruction]) -> Iterator[str]:
    sent = _sent(project)
    for instruction in instructions:
        if instruction.name == "COPY" and "--from" not in instruction.text:
            for source in map(Path, instruction.text.split()[:-1]):
                if not (project / source).exists():
                    yield f"COPY {source}: there is no such file"
                elif not sent & {source, *source.parents}:
                    yield f"COPY {source}: .dockerignore keeps it from the builder"


def _sent(project: Path) -> set[Path]:
    """What .dockerignore, which leaves out everything else, lets the builder have."""
    lines = (project / ".dockerignore").read_text().splitlines()
    return {Path(line[1:]) for line in lines if line.startswith("!")}


def _versions(project: Path) -> dict[str, str]:
    makefile = re.search(r"^PIP_VERSION := (.+)$", (project / "Makefile").read_text(), re.MULTILINE)
    pyproject = tomllib.loads((project / "pyproject.toml").read_text())
    return {"pip": makefile[1] if makefile else "", "project": pyproject["project"]["version"]}


def _repeated(instructions: Sequence[Instruction], versions: dict[str, str]) -> Iterator[str]:
    for instruction in instructions:
        name, _, value = instruction.text.partition("=")
        if (instruction.name, name) == ("ARG", "PIP_VERSION") and value != versions["pip"]:
            yield f"PIP_VERSION is {value}, the Makefile has {versions['pip']}"


def _images(manifest: object) -> Iterator[str]:
    """Every image that an object runs."""
    if isinstance(manifest, dict):
        for key, value in manifest.items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from _images(value)
    elif isinstance(manifest, list):
        for value in manifest:
            yield from _images(value)
