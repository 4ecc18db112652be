"""`python -m deploy.k8s.checks`: build every overlay and combination, then check all of it.

Exit code 0 if there is nothing to find fault with, 1 with one line for each mistake. A check whose
program is not installed is skipped, by name; with ANIMEGAN_REQUIRE_ALL=1, as in CI, that is exit
code 2. No cluster is asked, and nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from animegan_cli.progress import ProgressBar
from deploy.k8s.checks import (
    alertmanager,
    dashboards,
    images,
    kustomize,
    policies,
    prometheus,
    promtool,
    schemas,
)
from deploy.k8s.checks.subject import PROJECT, Check, Finding, MissingProgramError, Subject

CHECKS: dict[str, Check] = {
    "schemas": schemas.check,
    "policies": policies.check,
    "images": images.check,
    "prometheus": prometheus.check,
    "promtool": promtool.check,
    "alertmanager": alertmanager.check,
    "dashboards": dashboards.check,
}


def run(project: Path) -> list[Finding]:
    """Everything that is wrong; tells of every check, and which was skipped for want of a program.

    Raises:
        MissingProgramError: a program is not installed that the build, or with
            ANIMEGAN_REQUIRE_ALL=1 a check, needs.
    """
    started = time.monotonic()
    builds, findings = kustomize.build_all(project / "deploy" / "k8s")
    _tell(f"{len(builds)} kustomizations", findings, started)
    subject = Subject(project, builds)
    for name, check in ProgressBar(CHECKS.items(), desc="checks", leave=False):
        started = time.monotonic()
        try:
            found = list(check(subject))
        except MissingProgramError as error:
            if os.environ.get("ANIMEGAN_REQUIRE_ALL") == "1":
                raise
            ProgressBar.write(f"{name:24} skipped: {error}")
            continue
        _tell(name, found, started)
        findings += found
    return findings


def _tell(what: str, findings: Iterable[Finding], started: float) -> None:
    seconds = time.monotonic() - started
    mistakes = len(list(findings))
    verdict = f"{mistakes} wrong" if mistakes else "ok"
    ProgressBar.write(f"{what:24} {verdict:10} {seconds:5.1f} s")


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
