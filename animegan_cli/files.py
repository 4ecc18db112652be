"""Files that verbs read and write: what `--out` means, be it a file, a sheet or a folder."""

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from animegan_cli.service import UsageError
from animegan_cli.sheets.contact import contact_sheet
from animegan_client import GeneratedImage, ImageFormat
from animegan_client.files import write_file

# The pictures of a sheet are held in memory until it is drawn.
MAX_SHEET_IMAGES = 10_000
SHEET_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg")
FILE_SUFFIXES: dict[ImageFormat, str] = {
    "png": ".png",
    "webp": ".webp",
    "jpeg": ".jpg",
    "raw": ".raw",
}
_FORMATS: dict[str, ImageFormat] = {
    **{suffix: name for name, suffix in FILE_SUFFIXES.items()},
    ".jpeg": "jpeg",
}


def unreadable(files: Iterable[Path]) -> dict[Path, str]:
    """Those of the files that cannot be read, and why."""
    reasons = {}
    for file in files:
        try:
            file.open("rb").close()
        except OSError as error:
            reasons[file] = error.strerror or str(error)
    return reasons


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture in the format that the path's suffix names.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    # Pillow writes past Python's file, and of a full disk it only says "encoder error".
    file = io.BytesIO()
    picture.save(file, Image.registered_extensions()[path.suffix.lower()])
    write_file(path, file.getvalue())


def check_sheet(flag: str, path: Path, remedy: str = "") -> None:
    """Check that `flag` names a file that a picture can be drawn into.

    Raises:
        UsageError: it does not.
    """
    if path.suffix.lower() not in SHEET_SUFFIXES:
        raise UsageError(f"{flag}: {path} is no image file ({', '.join(SHEET_SUFFIXES)}){remedy}")


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


@dataclass(frozen=True)
class Targets:
    """A file to write for each file to read."""

    format: ImageFormat
    files: Sequence[Path]


def targets(inputs: Sequence[Path], out: str, image_format: ImageFormat | None) -> Targets:
    """Where `--out` puts the answers: into one file, or into a folder under the inputs' names.

    Args:
        inputs: the files to read, at least one.
        out: a folder if it ends with a slash, is one, or has no suffix.
        image_format: None: the one that the file's suffix names, png in a folder.

    Raises:
        UsageError: an answer would replace its input or another answer, or has a suffix of no
            format or of another one than was asked for.
    """
    for path in inputs:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name the files in it")
    goal = Path(out)
    if out.endswith(("/", os.sep)) or goal.is_dir() or not goal.suffix:
        result = _in_folder(inputs, goal, image_format or "png")
    else:
        result = _one_file(inputs, goal, image_format)
    for source, target in zip(inputs, result.files, strict=True):
        if target.exists() and source.exists() and target.samefile(source):
            raise UsageError(f"--out: {target} would replace the picture itself")
    return result


def _in_folder(inputs: Sequence[Path], folder: Path, image_format: ImageFormat) -> Targets:
    sources: dict[Path, Path] = {}
    for source in inputs:
        target = folder / f"{source.stem}{FILE_SUFFIXES[image_format]}"
        if target in sources:
            raise UsageError(f"--out: {sources[target]} and {source} would both become {target}")
        sources[target] = source
    return Targets(image_format, list(sources))


def _one_file(inputs: Sequence[Path], file: Path, image_format: ImageFormat | None) -> Targets:
    if len(inputs) > 1:
        raise UsageError(f"--out: {len(inputs)} pictures do not fit into {file}; name a folder")
    named = _FORMATS.get(file.suffix.lower())
    if named is None:
        raise UsageError(
            f"--out: {file} is no image file ({', '.join(_FORMATS)}); for a folder end it with "
            "a slash"
        )
    if image_format not in (None, named):
        raise UsageError(f"--format: {file} is called like a {named}, not like a {image_format}")
    return Targets(named, [file])
