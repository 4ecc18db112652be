"""`python -m deploy.k8s.checks`: build every overlay and combination, then check all of it.

Exit code 0 if there is nothing to find fault with, 1 with one line for each mistake, 2 if a program
is missing. No cluster is asked, and nothing is downloaded.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from deploy.k8s.checks import (
    alertmanager,
    dashboards,
    images,
    kustomize,
    policies,
    prometheus,
    schemas,
)
from deploy.k8s.checks.subject import PROJECT, Check, Finding, MissingProgramError, Subject

CHECKS: dict[str, Check] = {
    "schemas": schemas.check,
    "policies": policies.check,
    "images": images.check,
    "prometheus": prometheus.check,
    "alertmanager": alertmanager.check,
    "dashboards": dashboards.check,
}


def run(project: Path) -> list[Finding]:
    """Everything that is wrong.

    Raises:
        MissingProgramError: a check needs a program that is not installed.
    """
    started = time.monotonic()
    builds, findings = kustomize.build_all(project / "deploy" / "k8s")
    _tell(f"{len(builds)} kustomizations", findings, started)
    subject = Subject(project, builds)
    for name, check in tqdm(CHECKS.items(), desc="checks", leave=False, disable=None):
        started = time.monotonic()
        found = list(check(subject))
        _tell(name, found, started)
        findings += found
    return findings


def _tell(what: str, findings: Iterable[Finding], started: float) -> None:
    seconds = time.monotonic() - started
    mistakes = len(list(findings))
    tqdm.write(f"{what:24} {'ok' if not mistakes else f'{mistakes} wrong':10} {seconds:5.1f} s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, and tell what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.k8s.checks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--project", type=Path, default=PROJECT, help="another checkout")
    options = parser.parse_args(arguments)
    try:
        findings = run(options.project.resolve())
    except MissingProgramError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
