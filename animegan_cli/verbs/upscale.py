"""`anime-gan upscale`: larger pictures, one file each."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

from animegan_cli.compare_methods import DEFAULT_OUT, FILTERS, compare
from animegan_cli.console import Parser, complain
from animegan_cli.files import targets, unreadable
from animegan_cli.progress import ProgressBar
from animegan_cli.service import (
    UPSCALER,
    add_service_arguments,
    connect,
    name_flags,
    run,
)
from animegan_client import (
    AnimeganError,
    Failure,
    ImageFormat,
    InvalidArgumentError,
    UpscalerClient,
)
from animegan_client.upscaler.receiving import FileAnswer
from animegan_client.upscaler.types import Part, Progress, SavedImage, UpscaleOptions

PROG = "anime-gan upscale"
EPILOG = f"""\
examples:
  anime-gan upscale face.png --out large.png              twice as large
  anime-gan upscale out/demo/faces/*.png --out large/ --scale 4
  anime-gan upscale photo.jpg --out clean.png --scale 1 --noise 2
  anime-gan upscale scan.png --out scan.webp --scale 2.5 --quality 90
  anime-gan upscale --compare face.png                    every method, side by side
  anime-gan upscale --compare-downscale lanczos drawing.png --out sheet.png

A file appears when it is complete. A picture that cannot be enlarged is told, and the exit code is
1; the others are not affected.

{UPSCALER.environment}"""

# The field that a complaint of the service names, and the flag that fills it.
FLAGS = {
    **{
        f"options.{name}": f"--{name}" for name in ("method", "scale", "noise", "format", "quality")
    },
    "options.test_time_augmentation": "--tta",
    "options.keep_metadata": "--keep-metadata",
    "chunk": "INPUT",
    "size_bytes": "INPUT",
}
# What is wrong with these is wrong with every picture.
_FOR_ALL = {"options.method", "options.noise", "options.quality", "options.test_time_augmentation"}


def main(argv: list[str]) -> int:
    """Have a service enlarge files and write the answers where --out says."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    action = _upscale
    if arguments.compare or arguments.compare_downscale:
        action = compare
    elif arguments.out is None:
        parser.error("--out says where the answers go, and is missing")
    failed: list[Path] = []
    code = run(PROG, lambda: failed.extend(action(arguments)), FLAGS, UPSCALER)
    return code or int(bool(failed))


def _upscale(arguments: argparse.Namespace) -> Sequence[Path]:
    """Enlarge all files; return those that could not be."""
    out = targets(arguments.inputs, arguments.out, arguments.format)
    reasons = unreadable(arguments.inputs)
    for source, reason in reasons.items():
        complain(f"{PROG}: {source}: {reason}")
    failed = list(reasons)
    wanted = [
        (source, target)
        for source, target in zip(arguments.inputs, out.files, strict=True)
        if source not in reasons
    ]
    if not wanted:
        return failed
    options = UpscaleOptions(
        method=arguments.method,
        scale=arguments.scale,
        noise=arguments.noise,
        test_time_augmentation=arguments.tta,
        format=out.format,
        quality=arguments.quality,
        keep_metadata=arguments.keep_metadata,
    )
    with (
        connect(UpscalerClient, arguments) as client,
        closing(
            client.upscale_stream(
                [source for source, _ in wanted], timeout=arguments.timeout, **options
            )
        ) as parts,
        _bar(len(wanted), quiet=arguments.quiet) as bar,
    ):
        for number, (source, target) in enumerate(wanted):
            answer = _receive(parts, target, bar, number)
            bar.update(number + 1 - bar.n)
            if isinstance(answer, SavedImage):
                ProgressBar.write(_told(target, answer))
                continue
            if len(arguments.inputs) == 1 or _concerns_all(answer.error):
                raise answer.error
            complain(f"{PROG}: {source}: {name_flags(answer.error, FLAGS)}")
            failed.append(source)
    return failed


def _receive(parts: Iterator[Part], target: Path, bar: Any, number: int) -> SavedImage | Failure:
    """Write the next answer into a file, or tell why there is none."""

    def advance(progress: Progress) -> None:
        bar.update(number + progress.fraction - bar.n)

    with FileAnswer(target, advance) as answer:
        for part in parts:
            if isinstance(part, Failure):
                return part
            answer.take(part)
            if answer.complete:
                break
        return answer.saved()


def _concerns_all(error: AnimeganError) -> bool:
    """Whether every other picture would fail in the same way."""
    if isinstance(error, InvalidArgumentError):
        return any(violation.field in _FOR_ALL for violation in error.violations)
    return True


def _told(target: Path, saved: SavedImage) -> str:
    made = [f"{model} v{version}" for model, version in saved.provenance.passes]
    made += [saved.provenance.filter] if saved.provenance.filter else []
    return f"{target}: {saved.width}x{saved.height}, {' + '.join(made) or 'as it was'}"


def _bar(count: int, *, quiet: bool) -> Any:
    layout = "{l_bar}{bar}| {n:.2f}/{total} files [{elapsed}<{remaining}]"
    return ProgressBar(total=count, bar_format=layout, disable=quiet)


def _parser() -> Parser:
    parser = Parser(
        prog=PROG,
        description="Enlarge pictures, by networks that were made for drawings or by classical\n"
        "filters, and remove the noise that compression has left in them.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="PNG, JPEG, WebP, ..."
    )
    parser.add_argument("--out", metavar="FILE|DIR", help="large.png: a file; large/: a file each")
    group = parser.add_argument_group("pictures")
    group.add_argument(
        "--scale", type=float, metavar="1-8", help="how many times larger (default 2)"
    )
    group.add_argument("--method", help="default: the service's; see `anime-gan methods`")
    group.add_argument(
        "--noise", type=int, choices=range(-1, 4), help="how much to remove; default -1: none"
    )
    group.add_argument(
        "--tta", action="store_true", help="mean over eight flips and turns: better, 8x slower"
    )
    group.add_argument(
        "--format", choices=get_args(ImageFormat), help="default: as --out is called, or png"
    )
    group.add_argument(
        "--quality", type=int, metavar="1-100", help="of jpeg (default 92) and webp (lossless)"
    )
    group.add_argument("--keep-metadata", action="store_true", help="keep EXIF data")
    group = parser.add_argument_group("comparison")
    group.add_argument(
        "--compare",
        action="store_true",
        help=f"draw what every method makes of the pictures into --out ({DEFAULT_OUT})",
    )
    group.add_argument(
        "--compare-downscale",
        choices=FILTERS,
        help="the same, of pictures made small by this filter first: with PSNR and SSIM",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_service_arguments(parser, UPSCALER)
    return parser
