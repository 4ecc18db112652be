"""`anime-gan models gate`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from training.cli.models.arguments import add_measuring, add_repository, add_step, open_store
from training.release.store import Store

EPILOG = """\
Both versions draw the images of the same seeds with ONNX Runtime, as the service would, and are
measured by `anime-gan evaluate`. The current version is the stable one of --models. Without one
only absolute limits hold. The default limits are training/release/gate/limits.toml.

exit code: 0 passed, 1 refused, 2 wrong usage
"""


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = add_step(
        subparsers, "gate", "Measure a candidate beside the version that serves now", EPILOG
    )
    add_repository(parser)
    parser.add_argument(
        "--candidate", required=True, metavar="URL", help="repository with the new version"
    )
    add_measuring(parser, first_seed=0, out=Path("out/gate"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, report; return 0 if the candidate may go on, else 1."""
    # The other steps run where there is no PyTorch.
    from training.release.gate import checks, measure, report

    name, material, limits = arguments.name, *measure.of_arguments(arguments)
    with tempfile.TemporaryDirectory(prefix="anime-gan-gate-") as folder:
        work = Path(folder)
        candidate = measure.newest(Store(arguments.candidate), name, work / "candidate")
        current = measure.stable(open_store(arguments), name, work / "current")
        found = list(measure.measure(candidate, current, material, limits, work))
    parts = candidate.part, current.part if current else None
    verdict = "may be published" if checks.passed(found) else "is refused"
    report.write(arguments.out, *parts, found, verdict)
    return 0 if checks.passed(found) else 1
