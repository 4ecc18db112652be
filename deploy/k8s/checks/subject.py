"""What is checked, and how a check tells what is wrong."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]

# A Kubernetes object as YAML tells it.
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One mistake."""

    where: str  # a file or a combination, and the object or line in it
    problem: str  # what is wrong, and what would be right

    @classmethod
    def of(cls, build: str, manifest: Manifest, problem: str) -> Finding:
        """What is wrong with an object of a build."""
        return cls(f"{build}: {manifest['kind']}/{manifest['metadata']['name']}", problem)

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.where}: {self.problem}"


@dataclass(frozen=True)
class Subject:
    """All that there is to check."""

    project: Path  # the checkout
    builds: Mapping[str, Sequence[Manifest]]  # what each overlay and combination builds, by folder

    @property
    def k8s(self) -> Path:
        """The folder of the kustomizations."""
        return self.project / "deploy" / "k8s"

    def finding(self, file: Path, problem: str) -> Finding:
        """What is wrong with a file of the checkout."""
        return Finding(str(file.relative_to(self.project)), problem)


Check = Callable[[Subject], Iterable[Finding]]


class MissingProgramError(Exception):
    """A check needs a program that is not installed; the message names it and its package."""


def program(name: str, package: str) -> str:
    """Path of a program: beside this interpreter, or on PATH.

    Args:
        name: of the program.
        package: what brings it, for the message.

    Raises:
        MissingProgramError: it is not installed.
    """
    path = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if not path:
        raise MissingProgramError(f"{name} is not installed: {package}")
    return path
