"""`anime-gan ablate`: train variants of one recipe on the same images, and compare their figures.

The plan is a TOML file: what all runs share, the seeds, and what each variant changes, all as flags
of `anime-gan train`, so that whoever likes a row can train with it.

    common = ["--preset", "stylegan-32-cpu", "--images", "150000"]
    seeds = [0, 1]
    [variants]
    base = []
    batch32 = ["--batch", "32"]
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from training import files
from training.cli.train import positive
from training.datasets.store import DatasetError
from training.gan.trainer import WEIGHTS
from training.markdown import table
from training.metrics.evaluate import Plan, check_overlap, evaluate
from training.metrics.pictures import channels_of, open_collection
from training.metrics.report import to_json
from training.networks.weights import load_generator

METRICS = ("fd", "density_coverage", "kid", "precision_recall")
# Columns of the table: key of the figure, decimals.
COLUMNS = {"fd": 1, "coverage": 3, "kid_x1000": 1, "precision": 3, "recall": 3}
FOUND = "metrics.json"
EPILOG = """\
Seed after seed, every variant is trained and then measured; the table is written anew after each.
An interrupted command goes on where it stopped. The seeds of one variant tell how much is chance:
believe a difference that is larger than theirs. docs/training/ablations/ has our plan, and what of
it was run.

example:
  anime-gan ablate --plan docs/training/ablations/plan-32.toml --threads 1 \\
      --dataset data/faces-clean --heldout data/faces-unseen-32 --out runs/ablation
"""


@dataclass(frozen=True)
class Variant:
    """One run to be done.

    Attributes:
        name: of the variant.
        seed: of its weights and draws.
        flags: of `anime-gan train`.
    """

    name: str
    seed: int
    flags: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Name of the run's folder."""
        return f"{self.name}-{self.seed}"


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    arguments = build_parser().parse_args(argv)
    torch.set_num_threads(arguments.threads)
    try:
        plan = read_plan(arguments.plan)
        check_sets(arguments)
        with files.writing(arguments.out):
            for variant in plan:
                if not done(variant, arguments):
                    code = train(variant, arguments)
                    if code:
                        return code
                    measure(variant, arguments)
                write_table(plan, arguments.out)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, DatasetError) as error:
        sys.stderr.write(f"anime-gan ablate: {error}\n")
        return 1
    sys.stdout.write((arguments.out / "table.md").read_text(encoding="utf-8"))
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line, with help that teaches."""
    parser = argparse.ArgumentParser(
        prog="anime-gan ablate",
        description="Train variants of one recipe on the same images, and compare their figures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--plan", type=Path, required=True, metavar="TOML", help="what to try; see --help's end")
    add("--dataset", type=Path, required=True, help="directory that `anime-gan dataset` wrote")
    add(
        "--heldout",
        type=Path,
        required=True,
        metavar="DATASET",
        help="images that no training saw, of the size that the variants draw",
    )
    add("--allow-overlap", action="store_true", help="though some are copies of training images")
    add("--out", type=Path, required=True, help="folder of the runs and of table.md")
    add("--count", type=positive, default=1000, help="images to measure (default: %(default)s)")
    add("--cache", type=Path, default=Plan.cache, help="features (default: %(default)s)")
    add("--threads", type=positive, default=torch.get_num_threads(), help="(default: all cores)")
    return parser


def read_plan(path: Path) -> list[Variant]:
    """Read a plan: all variants of the first seed, then all of the next one.

    Raises:
        ValueError: it is none; the message names the entry.
        OSError: it cannot be read.
    """
    try:
        plan: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    unknown = plan.keys() - {"common", "seeds", "variants"}
    if unknown or not plan.get("variants") or not plan.get("seeds"):
        raise ValueError(f"{path}: give common, seeds and [variants], and nothing else")
    _check(path, "seeds", plan["seeds"], int)
    _check(path, "common", plan.setdefault("common", []), str)
    if not isinstance(plan["variants"], dict):
        raise ValueError(f"{path}: variants: give a table, [variants]")
    for name, flags in plan["variants"].items():
        if not re.fullmatch(r"[\w.-]+", name):
            raise ValueError(f"{path}: variants.{name}: letters, digits, '.', '_' and '-' only")
        _check(path, f"variants.{name}", flags, str)
    return [
        Variant(name, seed, (*plan["common"], *flags))
        for seed in plan["seeds"]
        for name, flags in plan["variants"].items()
    ]


def _check(path: Path, name: str, values: object, kind: type) -> None:
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        what = "numbers" if kind is int else "strings"
        raise ValueError(f"{path}: {name}: give a list of {what}")


def check_sets(arguments: argparse.Namespace) -> None:
    """See, before hours of training, that no held-out image is a copy of a training image.

    Raises:
        OverlapError: some are, and it is not allowed.
        ValueError, DatasetError: a set cannot be read.
    """
    channels = channels_of(arguments.dataset)
    heldout, dataset = (
        open_collection(path, channels, seed=0) for path in (arguments.heldout, arguments.dataset)
    )
    plan = Plan(cache=arguments.cache, allow_overlap=arguments.allow_overlap)
    check_overlap({"dataset": heldout, "training": dataset}, plan)


def train(variant: Variant, arguments: argparse.Namespace) -> int:
    """Train one variant, or go on with it; return the exit code of `anime-gan train`."""
    run = arguments.out / variant.folder
    sys.stderr.write(f"{variant.folder}: {' '.join(variant.flags)}\n")
    command = [sys.executable, "-m", "training.cli.train", *variant.flags]
    command += ["--seed", str(variant.seed), "--threads", str(arguments.threads)]
    command += ["--dataset", str(arguments.dataset), "--run", str(run)]
    return wait(command)


def wait(command: Sequence[str]) -> int:
    """Run a command; what should stop this process stops that one, which saves before it ends."""
    with subprocess.Popen(command) as process:  # noqa: S603

        def forward(number: int, _frame: FrameType | None) -> None:
            process.send_signal(number)

        before = {one: signal.signal(one, forward) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def asked(variant: Variant, arguments: argparse.Namespace) -> dict[str, Any]:
    """What decides the figures of a variant."""
    sets = {name: str(getattr(arguments, name).resolve()) for name in ("dataset", "heldout")}
    return {"flags": [*variant.flags], "count": arguments.count, **sets}


def done(variant: Variant, arguments: argparse.Namespace) -> bool:
    """Whether a variant was measured.

    Raises:
        ValueError: it was, but with something else than is asked for now; names it.
    """
    file = arguments.out / variant.folder / FOUND
    if not file.exists():
        return False
    before = json.loads(file.read_text(encoding="utf-8"))["asked"]
    now = asked(variant, arguments)
    differing = [name for name, value in now.items() if before.get(name) != value]
    if differing:
        raise ValueError(
            f"{file.parent} was made with other {', '.join(differing)}: give another --out, or "
            "remove that folder"
        )
    return True


def measure(variant: Variant, arguments: argparse.Namespace) -> None:
    """Measure the weights that a run ended with; errors as in `evaluate`."""
    run = arguments.out / variant.folder
    generator, _ = load_generator(run / WEIGHTS)
    plan = Plan(count=arguments.count, metrics=METRICS, cache=arguments.cache)
    device = torch.device("cpu")
    evaluation = evaluate(generator, arguments.heldout, None, plan, device)
    found = {"asked": asked(variant, arguments), **to_json(evaluation)}
    files.write(run / FOUND, (json.dumps(found, indent=2) + "\n").encode())


def write_table(plan: Sequence[Variant], out: Path) -> None:
    """Write what was measured so far as Markdown: the seeds of a variant under each other."""
    names = list(dict.fromkeys(variant.name for variant in plan))
    measured = [variant for variant in plan if (out / variant.folder / FOUND).exists()]
    rows = [_row(one, out) for one in sorted(measured, key=lambda one: names.index(one.name))]
    files.write(out / "table.md", table("variant", ["seed", *COLUMNS], rows).encode())


def _row(variant: Variant, out: Path) -> tuple[str, Sequence[str]]:
    figures = json.loads((out / variant.folder / FOUND).read_text(encoding="utf-8"))["metrics"]
    cells = [_cell(figures[key], decimals) for key, decimals in COLUMNS.items()]
    return variant.name, [str(variant.seed), *cells]


def _cell(figure: dict[str, Any], decimals: int) -> str:
    value, low, high = (f"{figure[key]:.{decimals}f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
