"""`anime-gan models gate`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from training.export.folders import replace
from training.release.store import Store
from training.release.verbs.options import add_repository, add_step, open_store

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
    add = parser.add_argument
    add("--candidate", required=True, metavar="URL", help="repository with the new version")
    add("--dataset", type=Path, required=True, help="real images that no training saw")
    add("--training", type=Path, metavar="DATASET", required=True, help="the training images")
    add(
        "--allow-overlap",
        action="store_true",
        help="measure although images of --dataset are images of --training; the share is told",
    )
    add("--limits", type=Path, metavar="FILE", help="default: see below")
    add("--count", type=int, default=1000, help="images to draw (default: %(default)s)")
    add("--truncation", type=float, help="psi of these (default: 1, the whole range)")
    add("--cache", type=Path, help="features (default: as `anime-gan evaluate`)")
    add("--out", type=Path, default=Path("out/gate"), help="report (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, report; return 0 if the candidate may go on, else 1."""
    # The other steps run where there is no PyTorch.
    from training.release.gate import checks, limits, measure, report

    name, bounds = arguments.name, limits.read_limits(arguments.limits or limits.DEFAULT)
    material = measure.Material(
        arguments.dataset,
        arguments.training,
        arguments.count,
        arguments.truncation,
        arguments.cache,
        arguments.allow_overlap,
    )
    with tempfile.TemporaryDirectory(prefix="anime-gan-gate-") as folder:
        work = Path(folder)
        candidate = measure.newest(Store(arguments.candidate), name, work / "candidate")
        current = measure.stable(open_store(arguments), name, work / "current")
        found = list(measure.measure(candidate, current, material, bounds, work))
    page = report.markdown(candidate, current, found)
    replace(arguments.out / f"{name}.md", page.encode())
    replace(arguments.out / f"{name}.json", report.as_json(candidate, current, found).encode())
    sys.stdout.write(f"{page}\nreport: {arguments.out / name}.md and .json\n")
    return 0 if checks.passed(found) else 1
