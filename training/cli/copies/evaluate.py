"""`anime-gan copies evaluate`."""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from animegan_cli.console import say
from training.cli.arguments import HelpFormatter, Verbs, natural, positive
from training.copies.benchmark import run_benchmark
from training.copies.embedding import Embedder
from training.copies.report import draw_recall, draw_transformations, to_json, to_markdown
from training.copies.scorers import SCORERS
from training.datasets.store import Dataset
from training.files import write
from training.run.folder import git_commit

PACKAGES = ("imagehash", "numpy", "onnxruntime", "pillow", "torch")
EPILOG = """\
example:
  anime-gan copies evaluate --dataset .local/datasets/procedural-64 \\
      --unseen .local/datasets/procedural-64-heldout --out out/procedural --show 10

writes out/procedural.json, -recall.png and, with --show, -transformations.png. Half of the unseen
images set the thresholds, the other half measure the false alarms. EfficientNet-Lite0 takes
about 12 ms an image on one core, longer than all other scorers together: --scorers leaves it out.
"""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "evaluate",
        help="plant copies and count how many are found, beside SSIM, pHash and others",
        description="Change images of a dataset in many ways, and count how many of the copies\n"
        "are recognised at 1 % false alarms: by the copy detector, exact SSIM, pHash, raw\n"
        "pixels, and features of EfficientNet-Lite0.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    option = parser.add_argument
    option("--dataset", type=Path, required=True, help="images to look among")
    option("--unseen", type=Path, required=True, help="images of the same kind, none of them")
    option("--out", type=Path, required=True, metavar="PREFIX", help="of the files to write")
    option("--models", type=Path, default=Path("models"), help="repository of the detector")
    option("--copies", type=positive, default=500, help="of each transformation and strength")
    option("--seed", type=natural, default=0, help="of the choice of images and changes")
    option("--images", type=positive, metavar="N", help="look among the first N (default: all)")
    option(
        "--scorers", nargs="+", choices=list(SCORERS), default=list(SCORERS), help="what to compare"
    )
    option("--threads", type=positive, default=torch.get_num_threads(), help="CPU threads")
    option("--show", type=natural, metavar="ROW", help="draw what is done to this image")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(arguments.threads)
    dataset, unseen = Dataset.open(arguments.dataset), Dataset.open(arguments.unseen)
    index = dataset.images_NHWC[: arguments.images]
    embedder = Embedder(arguments.models)
    scorers = [SCORERS[name](index, embedder) for name in arguments.scorers]
    benchmark = run_benchmark(
        index, np.asarray(unseen.images_NHWC), scorers, arguments.copies, arguments.seed
    )
    story = {
        "environment": _environment(),
        "detector": asdict(embedder.detector),
        "index": _told(dataset) | {"count": len(index)},
        "unseen": _told(unseen),
        "copies": arguments.copies,
        "seed": arguments.seed,
    }
    record = json.dumps(to_json(benchmark, story), indent=1).encode() + b"\n"
    write(arguments.out.with_name(f"{arguments.out.name}.json"), record)
    title = f"Copies found among {len(index):,} images of {dataset.header.name}, in percent"
    draw_recall(benchmark, title, arguments.out.with_name(f"{arguments.out.name}-recall.png"))
    if arguments.show is not None:
        picture = arguments.out.with_name(f"{arguments.out.name}-transformations.png")
        draw_transformations(index[arguments.show], picture)
    say(to_markdown(benchmark))
    return 0


def _told(dataset: Dataset) -> dict[str, Any]:
    return {"name": dataset.header.name, "count": len(dataset), "digest": dataset.digest}


def _environment() -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git_commit(),
    }
