"""`anime-gan upscale --compare`: all methods of a service on the same pictures, on one sheet."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from animegan_cli.console import complain, say, table
from animegan_cli.fidelity import psnr, ssim
from animegan_cli.files import check_sheet, write_picture
from animegan_cli.progress import ProgressBar
from animegan_cli.service import UsageError, connect
from animegan_cli.sheets.comparison import Entry, Subject, comparison_sheet
from animegan_client import InvalidArgumentError, UpscalerClient
from animegan_client.upscaler.types import MethodInfo, UpscaleOptions

DEFAULT_OUT = "comparison.png"
DEFAULT_SCALE = 2.0
FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Every method's answer lies in memory until the sheet is drawn.
MAX_PIXELS = 2**24
MIN_SIDE = 11  # of the window of SSIM
_PAPER = "white"


@dataclass(frozen=True)
class _Given:
    """What the methods get, and what they should make of it, where that is known."""

    name: str
    picture: Path | Image.Image
    truth: Image.Image | None


@dataclass(frozen=True)
class _Made:
    """What a method made, and how near it comes to the truth."""

    method: str
    picture: Image.Image
    psnr_db: float | None = None
    ssim: float | None = None


def compare(arguments: argparse.Namespace) -> Sequence[Path]:
    """Have every method enlarge the pictures; write the sheet, and tell the figures.

    Returns:
        Pictures that cannot be read, and are not on the sheet.

    Raises:
        UsageError: the flags make no sense together, or a picture is too large or too small.
        OSError: the only picture cannot be read, or the sheet not be written.
        AnimeganError: see `errors`.
    """
    out = Path(arguments.out or DEFAULT_OUT)
    scale = arguments.scale or DEFAULT_SCALE
    _check(arguments, out, scale)
    given, failed = [], []
    for path in arguments.inputs:
        try:
            given.append(_given(path, scale, arguments.compare_downscale))
        except OSError as error:
            if len(arguments.inputs) == 1:
                raise
            complain(f"without {path}: {error.strerror or error}")
            failed.append(path)
    if not given:
        return failed
    with connect(UpscalerClient, arguments) as client:
        # Filters first, the default last: beside the truth.
        methods = sorted(
            client.list_methods(timeout=arguments.timeout),
            key=lambda method: (not method.is_filter, method.is_default),
        )
        steps = [(each, method) for each in given for method in methods]
        made: list[list[_Made]] = [[] for _ in given]
        for each, method in ProgressBar(steps, unit="picture", disable=arguments.quiet):
            if answer := _enlarged(client, each, method, scale, arguments):
                made[given.index(each)].append(answer)
    sheet = comparison_sheet(
        [_subject(each, answers, scale) for each, answers in zip(given, made, strict=True)]
    )
    write_picture(out, sheet)
    if arguments.compare_downscale:
        say(_figures(given, made))
    say(f"{out}: {sheet.width}x{sheet.height}, {', '.join(each.method for each in made[0])}")
    return failed


def _check(arguments: argparse.Namespace, out: Path, scale: float) -> None:
    """Whether the flags make sense together."""
    for flag in ("method", "format", "quality"):
        if getattr(arguments, flag) is not None:
            raise UsageError(
                f"--{flag}: a comparison shows every method on one sheet; leave it out"
            )
    check_sheet("--out", out)
    sources = [path for path in arguments.inputs if path.exists()]
    if any(out.exists() and out.samefile(path) for path in sources):
        raise UsageError(f"--out: {out} would replace a picture that is compared")
    if arguments.compare_downscale and (scale < 2 or scale % 1):
        raise UsageError(
            f"--scale: --compare-downscale takes 2 or another whole number, not {scale:g}"
        )


def _given(path: Path, scale: float, downscale: str | None) -> _Given:
    with Image.open(path) as image:
        shrink = scale if downscale else 1
        width, height = image.size
        if width * height * (scale / shrink) ** 2 > MAX_PIXELS:
            raise UsageError(
                f"{path}: {width}x{height} pixels would become more than {MAX_PIXELS:,}; crop it"
            )
        image.load()  # a broken one is found out here, and not by each method
        if downscale is None:
            return _Given(path.name, path, None)
        if min(width, height) < max(MIN_SIDE, scale):
            raise UsageError(f"{path}: {width}x{height} pixels are too few to be made smaller")
        truth = _opaque(ImageOps.exif_transpose(image))
    factor = int(scale)
    size = (truth.width // factor, truth.height // factor)
    truth = truth.crop((0, 0, size[0] * factor, size[1] * factor))
    return _Given(path.name, truth.resize(size, FILTERS[downscale]), truth)


def _enlarged(
    client: UpscalerClient,
    given: _Given,
    method: MethodInfo,
    scale: float,
    arguments: argparse.Namespace,
) -> _Made | None:
    """What a method makes of a picture; None if it cannot remove the noise."""
    options = UpscaleOptions(method=method.name, scale=scale, format="png")
    if not method.is_filter:  # those remove none, and have nothing to turn
        options |= UpscaleOptions(noise=arguments.noise, test_time_augmentation=arguments.tta)
    try:
        result = client.upscale(given.picture, timeout=arguments.timeout, **options)
    except InvalidArgumentError as error:
        if [violation.field for violation in error.violations] != ["options.noise"]:
            raise
        complain(f"without {method.name}: {error.violations[0].description}")
        return None
    picture = _opaque(result.image.to_pil())
    if given.truth is None:
        return _Made(method.name, picture)
    return _Made(method.name, picture, psnr(picture, given.truth), ssim(picture, given.truth))


def _opaque(image: Image.Image) -> Image.Image:
    """RGB; what is transparent lies on white paper."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, _PAPER)
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def _subject(given: _Given, made: Sequence[_Made], scale: float) -> Subject:
    whole = given.truth or made[-1].picture
    best = max((each.psnr_db for each in made if each.psnr_db is not None), default=None)
    entries = [
        Entry(each.method, each.picture, _note(each), best is not None and each.psnr_db == best)
        for each in made
    ]
    if given.truth:
        entries.append(Entry("truth", given.truth))
    note = f"{scale:g}x, to {whole.width}x{whole.height}"
    return Subject(given.name, note, whole, entries)


def _note(made: _Made) -> str:
    return "" if made.psnr_db is None else f"{made.psnr_db:.2f} dB, {made.ssim:.4f}"


def _figures(given: Sequence[_Given], made: Sequence[Sequence[_Made]]) -> str:
    head = ("PICTURE", "METHOD", "PSNR dB", "SSIM")
    rows = [
        (each.name, one.method, f"{one.psnr_db:.2f}", f"{one.ssim:.4f}")
        for each, all_of_it in zip(given, made, strict=True)
        for one in all_of_it
    ]
    return table([head, *rows])
