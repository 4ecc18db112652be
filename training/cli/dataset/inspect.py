"""`anime-gan dataset inspect`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from animegan_cli.console import say
from training.cli.arguments import Verbs
from training.datasets.growing import read_skipped
from training.datasets.statistics import colour_statistics, label_statistics
from training.datasets.store import Dataset


def add(verbs: Verbs) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "inspect",
        help="say what a dataset is and verify its files",
        description="Verify a dataset's files and print its manifest, the distribution of its "
        "labels and its colours. Fails where a file is not what the manifest says.",
    )
    parser.add_argument("dataset", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--quick", action="store_true", help="check sizes instead of checksums; no colours"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    dataset = Dataset.open(arguments.dataset, checksums=not arguments.quick)
    found: dict[str, Any] = {
        **asdict(dataset.header),
        "digest": dataset.digest,
        "shards": len(dataset.shards),
        "verified": "sizes" if arguments.quick else "checksums",
        "skipped": len(read_skipped(dataset.directory)),
        "labels": label_statistics(dataset.labels),
    }
    if not arguments.quick:
        found["colours"] = colour_statistics(dataset)
    say(json.dumps(found, indent=2, ensure_ascii=False) if arguments.json else _text(found))
    return 0


def _text(found: dict[str, Any]) -> str:
    shape = f"{found['resolution']} x {found['resolution']} x {found['channels']}"
    lines = [
        f"{found['name']}: {found['count']} images of {shape} in {found['shards']} shards",
        f"licence  {found['licence']}",
        f"digest   {found['digest']}",
        f"source   {json.dumps(found['source'], ensure_ascii=False)}",
        f"skipped  {found['skipped']} pictures of the source",
        "",
    ]
    lines += [f"{name:>16}  {_distribution(one)}" for name, one in found["labels"].items()]
    for name, one in found.get("colours", {}).get("channels", {}).items():
        lines.append(
            f"{name:>16}  mean {one['mean']:.1f}, deviation {one['deviation']:.1f}, "
            f"black {one['black']:.1%}, white {one['white']:.1%}"
        )
    if "colours" in found:
        lines.append(f"{'colourless':>16}  {found['colours']['colourless']:.1%} of the images")
    lines += ["", f"every file's {found['verified']} verified"]
    return "\n".join(lines)


def _distribution(column: dict[str, Any]) -> str:
    if "values" not in column:
        return f"{column['min']:g} to {column['max']:g}, mean {column['mean']:.4g}"
    shares = ", ".join(f"{value} {share:.1%}" for value, share in column["values"].items())
    more = column["different"] - len(column["values"])
    return shares + (f", {more} more" if more > 0 else "")
