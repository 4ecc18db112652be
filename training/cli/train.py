"""`anime-gan train`: train a GAN, or resume it; leaves its generator as safetensors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from animegan_cli.console import complain
from training.datasets.store import Dataset, DatasetError
from training.gan.kinds import build_trainer
from training.gan.options import GanOptions
from training.gan.overrides import add_overrides, read_options, scaling_note
from training.gan.plan import describe_plan
from training.gan.presets import PRESETS
from training.gan.snapshots import FLAT_IMAGES, Watch
from training.gan.trainer import WEIGHTS, GanTrainer
from training.run.compute import Compute
from training.run.distributed import World
from training.run.loop import run
from training.run.threads import Pace

EPILOG = """\
examples:
  anime-gan train --preset stylegan-64-cpu --dataset .local/datasets/procedural-64 \\
      --run .local/runs/stylegan-64
  torchrun --nproc-per-node 8 -m -- training.cli.train --preset stylegan-256-gpu --batch 256 \\
      --dataset data/faces-256 --run runs/faces-256

docs/training/stylegan.md tells what each option does and when to use it.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 0 when the run is complete, 1 on failure, 130 when interrupted."""
    arguments = build_parser().parse_args(argv)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    try:
        options = read_options(arguments)
        if arguments.dry_run:
            sys.stdout.write(dry_run(options, arguments))
            return 0
        if note := scaling_note(arguments):
            sys.stderr.write(f"anime-gan train: {note}\n")
        dataset = Dataset.open(arguments.dataset)
        world, device = World.join(pick_device(arguments.device))
        compute = Compute(world, arguments.accumulate, arguments.compile)
        trainer = build_trainer(options, dataset, device, compute)
        code = run(
            trainer,
            arguments.run,
            initial=arguments.transfer,
            disk_budget=arguments.disk_budget and int(arguments.disk_budget * 1e9),
            metrics_address=arguments.metrics_address,
            pace=pick_pace(arguments.threads, options, world, device),
            watch=read_watch(arguments),
        )
        if world.writes:
            complain(f"anime-gan train: {ended(trainer, arguments.run)}")
        world.leave()
    except (DatasetError, ValueError, FloatingPointError, OSError) as error:
        sys.stderr.write(f"anime-gan train: {error}\n")
        return 1
    return code


def ended(trainer: GanTrainer, folder: Path) -> str:
    """How far a run has come, and where what it has learnt lies."""
    seen, total = trainer.images_seen, trainer.options.total_images
    rest = "" if seen >= total else f" of {total:,}"
    return f"{seen:,}{rest} images seen; the generator is {folder / WEIGHTS}"


def build_parser() -> argparse.ArgumentParser:
    """The command line, with help that teaches."""
    parser = argparse.ArgumentParser(
        prog="anime-gan train",
        description="Train a StyleGAN2 or a DCGAN. The same command resumes a run that was stopped"
        " or killed, and under torchrun it trains on many processes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_run(parser.add_argument_group("the run"))
    add_overrides(parser.add_argument_group("what to train (default: the preset's)"))
    add_watch(parser.add_argument_group("how its snapshots are measured"))
    add_compute(parser.add_argument_group("how to compute it (may change when a run goes on)"))
    return parser


def add_run(group: argparse._ArgumentGroup) -> None:
    """Where from and where to."""
    add = group.add_argument
    add(
        "--preset",
        choices=sorted(PRESETS),
        default="stylegan-64-cpu",
        help=f"one of {', '.join(sorted(PRESETS))} (default: %(default)s)",
        metavar="NAME",
    )
    add("--dataset", type=Path, required=True, help="directory that `anime-gan dataset` wrote")
    add("--run", type=Path, required=True, help="directory of checkpoints and logs")
    add(
        "--transfer",
        type=Path,
        metavar="FILE",
        help="begin with the networks of another run's checkpoint.pt, or with the generator of a "
        "weights file (.safetensors) and a new discriminator that learns first; their sizes are "
        "those of the file",
    )
    add("--disk-budget", type=float, metavar="GB", help="thin out old weights and sheets above it")
    add("--metrics-address", metavar="HOST:PORT", help="show progress and losses to Prometheus")
    add("--dry-run", action="store_true", help="print the plan and stop")


def add_watch(group: argparse._ArgumentGroup) -> None:
    """Fields of `Watch`."""
    add = group.add_argument
    add(
        "--heldout",
        type=Path,
        metavar="DATASET",
        help="images that no training saw: measure FD and coverage at each snapshot, keep the best",
    )
    add(
        "--heldout-count",
        type=positive,
        default=Watch.count,
        metavar="N",
        help="generated images, and real ones to compare them with (default: %(default)s)",
    )
    add("--cache", type=Path, default=Watch.cache, help="their features (default: %(default)s)")
    add(
        "--stop-when-flat",
        action="store_true",
        help=f"end the run when FD has not got better for {FLAT_IMAGES:,} images",
    )


def add_compute(group: argparse._ArgumentGroup) -> None:
    """Fields of `Compute`, and the machine."""
    add = group.add_argument
    add("--device", default="auto", help="cpu, cuda, or auto (default)")
    add(
        "--threads",
        type=threads,
        metavar="N",
        help="CPU threads, always as many; or auto (default): all cores, fewer while another "
        "program holds one of them",
    )
    add(
        "--accumulate",
        type=int,
        default=1,
        metavar="N",
        help="cut each batch into N passes that need 1/N of the memory (default: 1)",
    )
    add("--compile", action="store_true", help="torch.compile the networks: for GPUs")


def threads(text: str) -> int | None:
    """Parse a number of threads; none for "auto"."""
    return None if text == "auto" else positive(text)


def positive(text: str) -> int:
    """Parse a number of at least 1."""
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is less than 1")
    return count


def pick_pace(
    threads: int | None, options: GanOptions, world: World, device: torch.device
) -> Pace | None:
    """What chooses the number of threads, where it may: on CPUs, in a process on its own."""
    most = torch.get_num_threads()
    if threads is not None or most == 1 or world.size > 1 or device.type != "cpu":
        return None
    return Pace(most, options.r1_interval)


def read_watch(arguments: argparse.Namespace) -> Watch | None:
    """How snapshots are measured, if they are.

    Raises:
        ValueError: an option needs --heldout.
    """
    if arguments.heldout is None:
        if arguments.stop_when_flat:
            raise ValueError("--stop-when-flat needs --heldout DATASET, which the curve is made of")
        return None
    return Watch(
        arguments.heldout, arguments.heldout_count, arguments.cache, arguments.stop_when_flat
    )


def dry_run(options: GanOptions, arguments: argparse.Namespace) -> str:
    """The plan of a run whose dataset fits; nothing is written."""
    dataset, device = Dataset.open(arguments.dataset), pick_device(arguments.device)
    compute = Compute(World(), arguments.accumulate, arguments.compile)
    return describe_plan(build_trainer(options, dataset, device, compute))


def pick_device(name: str) -> torch.device:
    """Resolve "auto" to the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
