"""`anime-gan timelapse`: how the faces of fixed seeds came to be, as an animated WebP or an MP4."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from animegan_cli.progress import ProgressBar
from training.files import staged
from training.gan.sheets import SHEET_SIDE

# Below every frame: how many images the networks had seen, as text and as a bar.
CAPTION_HEIGHT = 24
BACKGROUND, BAR, TEXT = "#14161a", "#3d6fd9", "#e8eaee"


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code: 0 written, 1 failed, 2 wrong usage."""
    arguments = build_parser().parse_args(argv)
    try:
        sheets = find_sheets(arguments.run)
        frames = draw_frames(sheets, arguments.grid)
        write_animation(frames, len(sheets), arguments.out, arguments.fps, arguments.hold)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"anime-gan timelapse: {error}\n")
        return 1
    size = arguments.out.stat().st_size / 1e6
    sys.stdout.write(f"{arguments.out}: {len(sheets)} sheets, {size:.1f} MB\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line, with help that teaches."""
    parser = argparse.ArgumentParser(
        prog="anime-gan timelapse",
        description="Join the sample sheets of a run, 64 faces of fixed seeds, to an animation.",
        epilog="example: anime-gan timelapse --run .local/runs/stylegan-64 --grid 4 --out a.mp4",
    )
    parser.add_argument("--run", type=Path, required=True, help="directory of the run")
    parser.add_argument("--out", type=Path, required=True, help="file to write: .webp or .mp4")
    parser.add_argument("--fps", type=positive, default=6.0, help="sheets a second (default: 6)")
    parser.add_argument(
        "--hold", type=positive, default=2.0, help="seconds on the last sheet (default: 2)"
    )
    parser.add_argument(
        "--grid",
        type=int,
        choices=range(1, SHEET_SIDE + 1),
        default=SHEET_SIDE,
        metavar="N",
        help=f"show N x N faces, the sheet's first ones (default: {SHEET_SIDE}, all)",
    )
    return parser


def positive(text: str) -> float:
    """Parse a number above 0."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def find_sheets(run: Path) -> list[Path]:
    """The sheets of a run, oldest first.

    Raises:
        ValueError: there are none.
    """
    sheets = sorted((run / "sheets").glob("[0-9]*.png"))
    if not sheets:
        raise ValueError(f"{run / 'sheets'} holds no sample sheets: is --run a training run?")
    return sheets


def draw_frames(sheets: Sequence[Path], grid: int) -> Iterator[Image.Image]:
    """Yield one RGB picture a sheet: its first faces and a caption. All have one even size."""
    total = int(sheets[-1].stem)
    for sheet in sheets:
        with Image.open(sheet) as opened:
            side = opened.width * grid // SHEET_SIDE
            faces = opened.convert("RGB").crop((0, 0, side, side))
        side += side % 2  # half of the colour values are dropped in an MP4: sides must be even
        frame = Image.new("RGB", (side, side + CAPTION_HEIGHT), BACKGROUND)
        frame.paste(faces, (0, 0))
        draw_caption(ImageDraw.Draw(frame), side, int(sheet.stem), total)
        yield frame


def draw_caption(draw: ImageDraw.ImageDraw, top: int, seen: int, total: int) -> None:
    """Write below a square frame how far the run was."""
    draw.rectangle((0, top, top * seen // max(1, total), top + 2), BAR)
    font = ImageFont.load_default(size=13)
    draw.text((6, top + 5), f"{seen / 1000:,.0f} kimg", TEXT, font)


def write_animation(
    frames: Iterator[Image.Image], count: int, out: Path, fps: float, hold: float
) -> None:
    """Write frames as the kind of file that the suffix names; it appears when it is whole.

    Args:
        frames: of one size.
        count: how many there are, for the progress bar.
        out: .webp (loops for ever) or .mp4 (H.264, plays everywhere).
        fps: frames a second.
        hold: seconds that the last frame stays.

    Raises:
        ValueError: another suffix.
    """
    writers = {".webp": write_webp, ".mp4": write_mp4}
    if out.suffix not in writers:
        raise ValueError(f"--out: {out} ends neither in .webp nor in .mp4")
    out.parent.mkdir(parents=True, exist_ok=True)
    with staged(out) as temporary:
        shown = iter(ProgressBar(frames, total=count, unit="sheet", desc=out.name))
        writers[out.suffix](shown, count, temporary, fps, hold)


def write_webp(
    frames: Iterator[Image.Image], count: int, out: Path, fps: float, hold: float
) -> None:
    """Write an animated WebP; see `write_animation`."""
    durations = [round(1000 / fps)] * (count - 1) + [round(1000 * hold)]
    film = Film(frames, count)
    film.save(out, "WEBP", save_all=True, duration=durations, loop=0, quality=80, method=4)


class Film(Image.Image):
    """Frames that Pillow asks for one after the other, as it does of an animation's file.

    Of pictures that are appended to another one, it would keep all in memory.

    Args:
        frames: RGB pictures of one size.
        count: how many there are.
    """

    def __init__(self, frames: Iterator[Image.Image], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self._frames, self._at = iter(frames), -1
        self.seek(0)

    def tell(self) -> int:
        """The number of the frame that is shown."""
        return self._at

    def seek(self, frame: int) -> None:
        """Show the next frame; those before it are gone, and asking for one changes nothing."""
        while self._at < frame:
            shown = next(self._frames)
            self.im, self._mode, self._size = shown.im, shown.mode, shown.size
            self._at += 1


def write_mp4(
    frames: Iterator[Image.Image], count: int, out: Path, fps: float, hold: float
) -> None:
    """Write an MP4 by an ffmpeg process; see `write_animation`."""
    iterator = iter(frames)
    frame = next(iterator)
    writer = imageio_ffmpeg.write_frames(
        str(out),
        frame.size,
        fps=fps,
        codec="libx264",
        quality=8,
        macro_block_size=2,
        output_params=["-f", "mp4"],  # the file gets its name when it is whole
    )
    writer.send(None)
    try:
        writer.send(np.asarray(frame))
        for frame in iterator:
            writer.send(np.asarray(frame))
        for _ in range(round(hold * fps) - 1):
            writer.send(np.asarray(frame))
    finally:
        writer.close()
