"""Where the answers to files go: what `--out` means for verbs that turn files into files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan_cli.outputs import FILE_SUFFIXES
from animegan_cli.service import UsageError
from animegan_client.generator.types import ImageFormat

_FORMATS: dict[str, ImageFormat] = {
    **{suffix: name for name, suffix in FILE_SUFFIXES.items()},
    ".jpeg": "jpeg",
}


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
