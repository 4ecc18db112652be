"""`anime-gan evaluate`: how far a generator's images are from real ones."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.datasets.store import Dataset, DatasetError
from training.metrics.evaluate import Plan, evaluate, report, table
from training.metrics.registry import METRICS
from training.networks.weights import load_generator, save_generator

EPILOG = """\
"real vs real" compares two disjoint halves of the real images: the value of a perfect generator.
Features of real images are computed once and kept in the cache folder.

example:
  anime-gan evaluate --weights generator.safetensors --dataset .local/datasets/procedural-64
"""


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 measured, 1 refused, 2 wrong usage."""
    arguments = parser().parse_args(argv)
    plan = Plan(
        samples=arguments.samples,
        truncation=arguments.truncation,
        seed=arguments.seed,
        metrics=tuple(arguments.metrics),
        cache=arguments.cache,
    )
    try:
        generator, story = load_generator(arguments.weights)
        dataset = Dataset.open(arguments.dataset)
        results = evaluate(generator, dataset, plan, torch.device(arguments.device))
    except (OSError, ValueError, DatasetError) as error:  # WeightsError is a ValueError
        sys.stderr.write(f"anime-gan evaluate: {error}\n")
        return 1
    measured = report(results, plan, dataset)
    sys.stdout.write(table(results) + "\n")
    out = arguments.out or arguments.weights.with_suffix(".metrics.json")
    out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    if arguments.record:
        generator.to("cpu")
        save_generator(arguments.weights, generator, story["training"], for_card(measured))
        sys.stdout.write(f"recorded in {arguments.weights}\n")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="anime-gan evaluate",
        description="Measure how far a generator's images are from real ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    device = "cuda" if torch.cuda.is_available() else "cpu"
    add("--weights", type=Path, required=True, help="generator.safetensors, as training writes it")
    add("--dataset", type=Path, required=True, help="folder of the real images")
    add("--samples", type=int, default=2000, help="generated images (default: %(default)s)")
    add("--truncation", type=float, default=1.0, help="psi (default: %(default)s, the whole range)")
    add("--seed", type=int, default=0, help="chooses the real images (default: %(default)s)")
    add("--metrics", nargs="+", choices=METRICS, default=list(METRICS), help="(default: all)")
    add("--out", type=Path, help="JSON file (default: beside the weights)")
    add("--record", action="store_true", help="also keep the figures in the weights' metadata")
    add("--cache", type=Path, default=Plan.cache, help="real features (default: %(default)s)")
    add("--device", choices=("cpu", "cuda"), default=device, help="(default here: %(default)s)")
    return result


def for_card(measured: dict[str, Any]) -> dict[str, Any]:
    """The figures for a model card: plain numbers under plain names, then how they were made."""
    card: dict[str, Any] = {}
    for key, figures in measured["metrics"].items():
        card[key] = figures["value"]
        card[f"{key}_floor"] = figures["floor"]["value"]
    return card | {"measured": measured}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
