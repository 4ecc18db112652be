"""Where `anime-gan generate` puts the faces: a contact sheet, or a folder with a file per seed."""

import os
from pathlib import Path
from typing import Protocol

from PIL import Image

from animegan_cli.service import UsageError
from animegan_cli.sheets.contact import contact_sheet
from animegan_client.files import write_file, write_picture
from animegan_client.generator.types import GeneratedImage, ImageFormat

# The pictures of a sheet are held in memory until it is drawn.
MAX_SHEET_IMAGES = 10_000
SHEET_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg")
FILE_SUFFIXES: dict[ImageFormat, str] = {
    "png": ".png",
    "webp": ".webp",
    "jpeg": ".jpg",
    "raw": ".raw",
}


class Output(Protocol):
    """Takes the faces as they come."""

    def add(self, image: GeneratedImage) -> None:
        """Take the next face."""

    def finish(self) -> str:
        """Write what is left to write and say what there is now, in one line."""


def open_output(target: str, count: int) -> Output:
    """The output that `--out target` means: a folder unless it ends like an image file.

    Raises:
        UsageError: it cannot hold `count` faces, or cannot be written.
    """
    path = Path(target)
    if target.endswith(("/", os.sep)) or path.is_dir() or not path.suffix:
        return FolderOutput(path)
    check_sheet("--out", path, "; for a folder end it with a slash")
    if count > MAX_SHEET_IMAGES:
        raise UsageError(
            f"--out: a contact sheet holds at most {MAX_SHEET_IMAGES} faces, not {count}; "
            "name a folder"
        )
    return SheetOutput(path)


def check_sheet(flag: str, path: Path, remedy: str = "") -> None:
    """Check that `flag` names a file that a picture can be drawn into.

    Raises:
        UsageError: it does not.
    """
    if path.suffix.lower() not in SHEET_SUFFIXES:
        raise UsageError(f"{flag}: {path} is no image file ({', '.join(SHEET_SUFFIXES)}){remedy}")


class FolderOutput:
    """One file per seed: `seed-<seed>.<format>`."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._written = 0

    def add(self, image: GeneratedImage) -> None:
        """Write its file."""
        name = f"seed-{image.seed}{FILE_SUFFIXES[image.format]}"
        write_file(self._folder / name, image.data)
        self._written += 1

    def finish(self) -> str:
        """Count the files."""
        return f"{self._folder}: {self._written} files"


class SheetOutput:
    """All faces on one picture."""

    def __init__(self, path: Path) -> None:
        """Make the folder that the file will be in."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._images: list[Image.Image] = []

    def add(self, image: GeneratedImage) -> None:
        """Keep it."""
        self._images.append(image.to_pil())

    def finish(self) -> str:
        """Draw the sheet."""
        sheet = contact_sheet(self._images)
        write_picture(self._path, sheet)
        size = f"{sheet.width}x{sheet.height} pixels"
        return f"{self._path}: contact sheet of {len(self._images)} faces, {size}"
