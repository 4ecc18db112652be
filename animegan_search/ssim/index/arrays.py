"""Opens the arrays of an index by memory map, and compares files with their records."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.index.errors import DamagedIndexError
from animegan_search.ssim.index.manifest import REBUILD, FileRecord

NEAREST = np.dtype([("row", "<i8"), ("ssim", "<f8")])
"""A held-out image's nearest reference of a shard: its row there and its score; -1, -1: none."""


def open_array(
    directory: Path, file: FileRecord, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Map an array of the index into memory, read-only.

    Args:
        directory: the index.
        file: the array's record.
        dtype: of the array.
        shape: of the array; -1 stands for any length.

    Raises:
        DamagedIndexError: the file is missing, or has another size, type or shape.
    """
    path = directory / file.name
    check_size(directory, file)
    try:
        # `view`: a plain array, whose slices are cheaper than a memmap's.
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    # The header is Python text: a damaged one ends in whatever the tokenizer raises.
    except Exception as error:
        raise DamagedIndexError(f"{path} cannot be read ({error}): {REBUILD}") from error
    fits = len(shape) == array.ndim and all(
        wanted in (-1, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != dtype or not array.flags.c_contiguous:
        raise DamagedIndexError(
            f"{path}: expected {dtype} {list(shape)}, found {array.dtype} {list(array.shape)}: "
            f"{REBUILD}"
        )
    return array


def check_size(directory: Path, file: FileRecord) -> None:
    """Compare a file's size with its record.

    Raises:
        DamagedIndexError: it is missing, or has another size.
    """
    path = directory / file.name
    if not path.is_file():
        raise DamagedIndexError(f"{path} is missing: {REBUILD}")
    size = path.stat().st_size
    if size != file.bytes:
        raise DamagedIndexError(f"{path} has {size} bytes, expected {file.bytes}: {REBUILD}")


def check_sha256(directory: Path, file: FileRecord) -> None:
    """Compare every byte of a file with its record.

    Raises:
        DamagedIndexError: it was changed, or cannot be read.
    """
    path = directory / file.name
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DamagedIndexError(f"{path} cannot be read ({error}): {REBUILD}") from error
    if found != file.sha256:
        raise DamagedIndexError(f"{path} does not match its checksum: {REBUILD}")
