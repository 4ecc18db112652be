"""`anime-gan evaluate`: how good a generator's images are, and whether they are its own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.datasets.store import DatasetError
from training.files import sha256
from training.gan.snapshots import BEST, CURVE, Curve, Examiner, Watch
from training.metrics.evaluate import Plan, evaluate
from training.metrics.registry import METRICS
from training.metrics.report import for_card, table, to_json
from training.networks.interface import ImageGenerator
from training.networks.weights import load_generator, save_generator

EPILOG = """\
"real vs real" is measured with other real images in place of the generated ones: the value of a
perfect generator. Read every figure beside it. "better" tells which way, or "as real", "not above"
and "not below" that value. FD, coverage and KID decide between two generators; the others tell what
is wrong. docs/training/metrics.md explains each figure and when it misleads.

Features of real images are computed once and kept in the cache folder; an interrupted run goes on
where it stopped. Everything is deterministic by --seed.

metrics:
{metrics}

examples:
  anime-gan evaluate --weights generator.safetensors \\
      --dataset .local/datasets/procedural-64-heldout --training .local/datasets/procedural-64
  anime-gan evaluate --samples folder-of-pictures --dataset heldout --metrics kid,precision_recall
  anime-gan evaluate --run .local/runs/stylegan-64 --dataset heldout
"""


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 measured, 1 refused, 2 wrong usage."""
    arguments = parser().parse_args(argv)
    if arguments.record and not arguments.weights:
        parser().error("--record needs --weights: a folder of samples has no metadata")
    try:
        if arguments.run:
            measure_run(arguments)
        else:
            run(arguments)
    except (OSError, ValueError, DatasetError) as error:  # WeightsError is a ValueError
        sys.stderr.write(f"anime-gan evaluate: {error}\n")
        return 1
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Measure, show, write and record; errors as in `evaluate` and `load_generator`."""
    generated: ImageGenerator | Path = arguments.samples
    story: dict[str, Any] = {}
    if arguments.weights:
        digest = sha256(arguments.weights)
        generated, story = load_generator(arguments.weights)
    evaluation = evaluate(
        generated,
        arguments.dataset,
        arguments.training,
        _plan(arguments),
        torch.device(arguments.device),
    )
    sys.stdout.write(table(evaluation) + "\n")
    out = arguments.out or _beside(arguments)
    measured = to_json(evaluation)
    out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    if arguments.record and isinstance(generated, ImageGenerator):
        if sha256(arguments.weights) != digest:
            raise ValueError(
                f"{arguments.weights} has been written anew since it was read: the figures are "
                f"those of the weights before, lie in {out}, and are not recorded; measure again"
            )
        generator = generated.to("cpu")
        save_generator(arguments.weights, generator, story["training"], for_card(measured))
        sys.stdout.write(f"recorded in {arguments.weights}\n")


# What `--run` goes with.
OF_RUNS = ("run", "dataset", "count", "cache", "out", "device")


def measure_run(arguments: argparse.Namespace) -> None:
    """Measure the snapshots that a run has kept, show and write their curve, and keep the best.

    Raises:
        ValueError: there are none, an option does not go with a run, or see `Curve.measure`.
    """
    usual = vars(parser().parse_args(["--run", "", "--dataset", ""]))
    for name, value in vars(arguments).items():
        if name not in OF_RUNS and value != usual[name]:
            flag = "--" + name.replace("_", "-")
            raise ValueError(f"{flag} does not go with --run, which measures FD and coverage alone")
    folder = arguments.run / "weights"
    snapshots = sorted(folder.glob("[0-9]*.safetensors"))
    if not snapshots:
        raise ValueError(f"{folder} holds no snapshots: is --run a training run?")
    path = arguments.out or arguments.run / CURVE
    watch = Watch(arguments.dataset, arguments.count, arguments.cache)
    curve = Curve(path, Examiner(watch, torch.device(arguments.device)))
    for weights in snapshots:
        sys.stdout.write(f"{curve.measure(weights)}\n")
    sys.stdout.write(f"{curve.verdict()}\n{path}\n{path.with_name(BEST)}\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    width = max(map(len, METRICS))
    metrics = "\n".join(f"  {key:{width}}  {metric.about}" for key, metric in METRICS.items())
    result = argparse.ArgumentParser(
        prog="anime-gan evaluate",
        description="Measure how good a generator's images are, and whether they are its own.",
        epilog=EPILOG.format(metrics=metrics),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_sources(result)
    _add_plan(result)
    return result


def _add_sources(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--weights", type=Path, help="generator.safetensors, as training writes it")
    what.add_argument("--samples", type=Path, help="or generated images: a data set, or a folder")
    what.add_argument(
        "--run", type=Path, help="or a training run: FD and coverage of each kept snapshot"
    )
    add = parser.add_argument
    add("--dataset", type=Path, required=True, help="real images that no training saw")
    add("--training", type=Path, metavar="DATASET", help="images that the training saw")
    add(
        "--allow-overlap",
        action="store_true",
        help="measure although images of --dataset are images of --training; the share is told",
    )
    add("--inception-weights", type=Path, metavar="FILE", help="the FID's network; see the docs")
    add("--out", type=Path, help="JSON file (default: beside the weights or samples)")
    add("--record", action="store_true", help="also keep the figures in the weights' metadata")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    device = "cuda" if torch.cuda.is_available() else "cpu"
    add(
        "--metrics",
        type=_keys,
        metavar="KEYS",
        help="keys, separated by commas (default: all that are possible)",
    )
    add(
        "--count",
        type=_positive,
        default=Plan.count,
        help="generated images, and real ones in each half (default: %(default)s)",
    )
    add(
        "--training-images",
        type=_positive,
        default=Plan.training_images,
        help="training images whose features are compared; copies of others are noticed by SSIM "
        "and the copy detector (default: %(default)s)",
    )
    add(
        "--paths",
        type=_positive,
        default=Plan.paths,
        help="latent paths (default: %(default)s)",
    )
    add(
        "--ssim-images",
        type=_positive,
        default=Plan.compared,
        help="images to compare with all training images by SSIM (default: %(default)s)",
    )
    add("--truncation", type=float, default=1.0, help="psi (default: %(default)s, the whole range)")
    add(
        "--served-truncation",
        type=float,
        metavar="PSI",
        default=Plan.served_truncation,
        help="psi of the figures as served (default: %(default)s, that of `anime-gan export`)",
    )
    add(
        "--drop-noise",
        action="store_true",
        help="figures as served: of a model whose export drops the noise inputs, too",
    )
    add("--seed", type=int, default=0, help="of every random choice (default: %(default)s)")
    add("--cache", type=Path, default=Plan.cache, help="features (default: %(default)s)")
    add("--device", choices=("cpu", "cuda"), default=device, help="(default here: %(default)s)")


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        count=arguments.count,
        training_images=arguments.training_images,
        paths=arguments.paths,
        compared=arguments.ssim_images,
        truncation=arguments.truncation,
        served_truncation=arguments.served_truncation,
        served_noise="none" if arguments.drop_noise else "constant",
        seed=arguments.seed,
        metrics=arguments.metrics,
        cache=arguments.cache,
        allow_overlap=arguments.allow_overlap,
        inception_weights=arguments.inception_weights,
    )


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _keys(value: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in value.split(","))


def _beside(arguments: argparse.Namespace) -> Path:
    """Where the figures go by default: beside the weights or beside the folder of samples."""
    if arguments.weights:
        weights: Path = arguments.weights
        return weights.with_suffix(".metrics.json")
    folder: Path = arguments.samples.resolve()
    return folder.with_name(f"{folder.name}.metrics.json")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
