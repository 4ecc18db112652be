"""`anime-gan index export-scan`."""

from __future__ import annotations

import argparse
from pathlib import Path

from animegan_cli.console import say
from animegan_cli.progress import ProgressBar
from animegan_search.ssim.index import Index
from training.cli.arguments import HelpFormatter, Verbs
from training.cli.index.arguments import add_index
from training.index.scans import publish_scans

EPILOG = """\
example:
  cp -r models out/models
  anime-gan index export-scan .local/indexes/faces --models out/models
  python -m deploy.workloads out/models out/cluster-models --processor gpu --gpu-search

For GPUs only: on a CPU the search is some 27 times as fast without. After `append`, run it
again; after `remove` and `calibrate` there is no need. Meanwhile `ssim_search` searches new
shards by itself. No GPU has run these models yet: docs/similarity/engine.md."""


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "export-scan",
        help="make models that scan the index on a GPU",
        description="Verify an index and publish two models for each of its shards into a Triton\n"
        "model repository: the scan as an ONNX graph, which holds the references and runs where\n"
        "ONNX Runtime does, and an ensemble that searches with it. Where Triton serves the\n"
        "ensemble, searches go there. Shards that have not changed are left as they are.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    add_index(parser)
    parser.add_argument(
        "--models", type=Path, required=True, metavar="DIR", help="the repository, with ssim_search"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    index = Index.open(arguments.index)
    published = publish_scans(index, arguments.models)
    for model, new in ProgressBar(published, total=len(index.shards), unit="shard"):
        say(f"{arguments.models / model}: {'new' if new else 'is there already'}")
    return 0
