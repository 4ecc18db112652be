"""`anime-gan generate`: faces from seeds, into a contact sheet or one file each."""

import argparse
from contextlib import closing
from typing import get_args

from animegan_cli.console import Parser, say
from animegan_cli.files import open_output
from animegan_cli.progress import ProgressBar
from animegan_cli.seeds import Seeds, parse_seeds
from animegan_cli.service import GENERATOR, add_service_arguments, connect, run
from animegan_client import GenerateOptions, GeneratorClient, ImageFormat, NoiseMode

EPILOG = f"""\
examples:
  anime-gan generate --seeds 1-64 --out sheet.png       a contact sheet of 64 faces
  anime-gan generate --seeds 1-64,100,7 --out faces/    one file per seed
  anime-gan generate --count 1000 --base-seed 5000 --format webp --out faces/
  anime-gan generate --seeds 42 --truncation 0.5 --out sheet.png --out faces/

{GENERATOR.environment}"""

# Where a flag is not called like the field it fills.
FLAGS = {"noise_mode": "--noise", "base_seed": "--base-seed"}


def main(argv: list[str]) -> int:
    """Ask a service for faces and write them where --out says."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    return run(parser.prog, lambda: _generate(arguments), FLAGS)


def _generate(arguments: argparse.Namespace) -> None:
    total = arguments.seeds.count if arguments.seeds else arguments.count
    outputs = [open_output(target, total) for target in arguments.out]
    options = GenerateOptions(
        seeds=arguments.seeds,
        count=arguments.count,
        base_seed=arguments.base_seed,
        model=arguments.model,
        truncation=arguments.truncation,
        noise_mode=arguments.noise,
        format=arguments.format,
        quality=arguments.quality,
    )
    with (
        connect(GeneratorClient, arguments) as client,
        closing(client.generate_stream(timeout=arguments.timeout, **options)) as stream,
    ):
        for image in ProgressBar(stream, total=total, unit="face", disable=arguments.quiet):
            for output in outputs:
                output.add(image)
    for output in outputs:
        say(output.finish())


def _parser() -> Parser:
    parser = Parser(
        prog="anime-gan generate",
        description="Make faces from seeds: the same seed gives the same face.",
        epilog=EPILOG,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seeds", type=_seeds, help="seeds and ranges of seeds: 1-64,100,7")
    which.add_argument("--count", type=int, metavar="N", help="N seeds from --base-seed on")
    parser.add_argument("--base-seed", type=int, metavar="SEED", help="default 0")
    parser.add_argument(
        "--out",
        action="append",
        required=True,
        help="sheet.png: a contact sheet; faces/: a file per seed; may be given twice",
    )
    _add_look_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_service_arguments(parser, GENERATOR)
    return parser


def _add_look_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pictures")
    group.add_argument("--model", help="default: the service's; see `anime-gan models`")
    group.add_argument(
        "--truncation",
        type=float,
        metavar="PSI",
        help="0 (average face) to 2 (wild); default: the model's",
    )
    group.add_argument("--noise", choices=get_args(NoiseMode), help="default: constant")
    group.add_argument("--format", choices=get_args(ImageFormat), help="default: png")
    group.add_argument(
        "--quality", type=int, metavar="1-100", help="of jpeg (default 92) and webp (lossless)"
    )


def _seeds(text: str) -> Seeds:
    try:
        return parse_seeds(text)
    except ValueError as error:
        # argparse shows the text of this error only.
        raise argparse.ArgumentTypeError(str(error)) from error
