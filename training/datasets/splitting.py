"""Splits a dataset into training and held-out images by the hash of their content.

Which side a picture falls on depends on nothing but the picture, the salt and the share: it does
not change when others come or go, when the dataset is shuffled, or when it is imported at another
size. A larger share keeps all that a smaller one held out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan_client.progress import ProgressBar
from training.datasets.manifest import DatasetError, Labels
from training.datasets.reader import Dataset
from training.datasets.subset import write_subset

DEFAULT_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Split:
    """The two sides of a dataset."""

    train: np.ndarray
    """int64, indices in the old dataset's order."""
    heldout: np.ndarray
    shared: int
    """Held-out images whose very pixels are among the training images as well."""


def content_key(image_HWC: np.ndarray, label: Labels) -> str:
    """What identifies a picture: the sha256 of its source's file, else that of its pixels.

    All faces that were cut out of one file share a key, and so does the file imported at any size.
    """
    return str(label.get("sha256") or pixel_key(image_HWC))


def pixel_key(image_HWC: np.ndarray) -> str:
    """sha256 of the pixels, in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(image_HWC)).hexdigest()


def is_heldout(key: str, share: float, salt: str = "") -> bool:
    """Whether a picture is held out.

    Args:
        key: Of the picture.
        share: Of all pictures to hold out, in [0, 1].
        salt: Another salt gives an independent split.
    """
    word = hashlib.sha256(f"{salt}:{key}".encode()).digest()[:8]
    return int.from_bytes(word) < share * 2**64


def split(dataset: Dataset, share: float, salt: str = "") -> Split:
    """Decide for every image, with a progress bar."""
    held = np.zeros(len(dataset), bool)
    pixels = []
    rows = zip(dataset.images_NHWC, dataset.labels, strict=True)
    for index, (image, label) in enumerate(
        ProgressBar(rows, total=len(held), unit="image", desc="hashes")
    ):
        held[index] = is_heldout(content_key(image, label), share, salt)
        pixels.append(pixel_key(image))
    training = {key for key, out in zip(pixels, held, strict=True) if not out}
    shared = sum(out and key in training for key, out in zip(pixels, held, strict=True))
    return Split(np.flatnonzero(~held), np.flatnonzero(held), shared)


def write_split(
    dataset: Dataset, sides: Split, train: Path, heldout: Path, share: float, salt: str
) -> tuple[str, str]:
    """Write both sides as datasets; returns their digests.

    Raises:
        DatasetError: a side is empty.
    """
    plan = (("train", sides.train, train), ("heldout", sides.heldout, heldout))
    for side, indices, _ in plan:
        if not len(indices):
            raise DatasetError(f"no image falls on the side {side!r}: choose another --share")
    digests = []
    for side, indices, directory in plan:
        how = {"kind": "split", "side": side, "share": share, "salt": salt}
        digests.append(write_subset(dataset, indices, directory, how))
    return digests[0], digests[1]
