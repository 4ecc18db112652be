"""Time-lapses, read back by Pillow and by ffmpeg."""

import subprocess
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from training.cli.timelapse import CAPTION_HEIGHT, main, write_mp4, write_webp

COLOURS = {16: (200, 30, 30), 32: (30, 200, 30), 48: (30, 30, 200)}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three sheets of 8 x 8 faces of 8 px; the first 4 x 4 in a colour of the sheet, or white."""
    (tmp_path / "sheets").mkdir()
    for seen, colour in COLOURS.items():
        sheet = Image.new("RGB", (64, 64), "white")
        sheet.paste(colour, (0, 0, 32, 32))
        sheet.save(tmp_path / "sheets" / f"{seen * 1000:08d}.png")
    return tmp_path


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 25)  # both formats are lossy


def test_webp_shows_every_sheet_in_order(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.webp"
    assert main(["--run", str(run), "--out", str(out), "--fps", "4", "--hold", "1.5"]) == 0
    with Image.open(out) as animation:
        assert animation.n_frames == 3
        assert animation.size == (64, 64 + CAPTION_HEIGHT)
        durations = []
        for index, colour in enumerate(COLOURS.values()):
            animation.seek(index)
            frame = np.asarray(animation.convert("RGB"))
            durations.append(animation.info["duration"])
            assert near(frame[16, 16], colour)
            assert near(frame[48, 48], (255, 255, 255))
    assert durations == [250, 250, 1500]
    assert [path.name for path in out.parent.iterdir()] == ["out.webp"]


def test_mp4_shows_every_sheet_and_holds_the_last_one(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert main(["--run", str(run), "--out", str(out), "--fps", "4", "--grid", "4"]) == 0
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(out)]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(command, check=True, capture_output=True).stdout
    frames = np.frombuffer(pixels, np.uint8).reshape(-1, 32 + CAPTION_HEIGHT, 32, 3)
    assert len(frames) == 2 + 8
    for frame, colour in zip(frames[:3], COLOURS.values(), strict=True):
        assert near(frame[8, 8], colour)
    assert near(frames[-1][8, 8], COLOURS[48])


@pytest.mark.parametrize("writer", [write_webp, write_mp4])
def test_a_long_film_keeps_few_frames(writer: Callable[..., None], tmp_path: Path) -> None:
    alive: list[weakref.ref[Image.Image]] = []
    most = 0

    def frames() -> Iterator[Image.Image]:
        nonlocal most
        for level in range(30):
            frame = Image.new("RGB", (64, 64), (level, 0, 0))
            alive.append(weakref.ref(frame))
            most = max(most, sum(one() is not None for one in alive))
            yield frame

    writer(frames(), 30, tmp_path / "film.mp4", 6.0, 1.0)
    assert len(alive) == 30
    assert most <= 3


def test_what_cannot_be_shown_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--run", str(run), "--out", str(tmp_path / "out.gif")]) == 1
    assert "ends neither in .webp nor in .mp4" in capsys.readouterr().err
    assert main(["--run", str(tmp_path / "nothing"), "--out", str(tmp_path / "out.mp4")]) == 1
    assert "holds no sample sheets" in capsys.readouterr().err
