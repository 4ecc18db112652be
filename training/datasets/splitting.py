"""Splits a dataset into training and held-out images, near duplicates always on the same side.

Copies on both sides would make a model that copies look good. So images of one file, with the same
pixels, or nearly the same (`training.datasets.likeness`), are joined to groups, and the smallest
content key of a group decides for all of it. An image that is like no other thus falls on the same
side whatever else the dataset holds, in any order; so does a group with the same members. A group
that grows, shrinks or joins another may change its side. A larger share keeps all that a smaller
one held out.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from training.datasets.likeness.groups import group
from training.datasets.likeness.limits import Likeness
from training.datasets.likeness.looks import Looks, look
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
    grouped: int
    """Images that have a copy among the others."""
    largest: int
    """Images of the largest group."""


def content_key(label: Labels, pixels: str) -> str:
    """What identifies a picture: the sha256 of its source's file, else that of its pixels."""
    return str(label.get("sha256") or pixels)


def is_heldout(key: str, share: float, salt: str = "") -> bool:
    """Whether a picture is held out.

    Args:
        key: Of the picture.
        share: Of all pictures to hold out, in [0, 1].
        salt: Another salt gives an independent split.
    """
    word = hashlib.sha256(f"{salt}:{key}".encode()).digest()[:8]
    return int.from_bytes(word) < share * 2**64


def split(dataset: Dataset, limits: Likeness, share: float, salt: str, cache: Path) -> Split:
    """Decide for every image, with progress bars.

    Args:
        dataset: The images.
        limits: What near duplicates are.
        share: Of the images to hold out.
        salt: Another salt gives an independent split.
        cache: Folder for what is known of the images.
    """
    looks = look(dataset.images_NHWC, dataset.header.name, cache, dataset.digest)
    return sides(looks, dataset.labels, limits, share, salt)


def sides(looks: Looks, labels: list[Labels], limits: Likeness, share: float, salt: str) -> Split:
    """`split` of images that were looked at."""
    pixels = [key.decode() for key in looks.pixels.tolist()]
    keys = [content_key(label, key) for label, key in zip(labels, pixels, strict=True)]
    groups = group(looks, keys, limits)
    smallest: dict[int, str] = {}
    for place, key in zip(groups.tolist(), keys, strict=True):
        smallest[place] = min(smallest.get(place, key), key)
    chosen = {place: is_heldout(key, share, salt) for place, key in smallest.items()}
    held = np.array([chosen[place] for place in groups.tolist()], bool)
    sizes = np.bincount(groups)
    return Split(
        train=np.flatnonzero(~held),
        heldout=np.flatnonzero(held),
        grouped=int(sizes[sizes > 1].sum()),
        largest=int(sizes.max()),
    )


def write_split(
    dataset: Dataset,
    found: Split,
    train: Path,
    heldout: Path,
    limits: Likeness,
    share: float,
    salt: str,
) -> tuple[str, str]:
    """Write both sides as datasets; returns their digests.

    Raises:
        DatasetError: a side is empty.
    """
    plan = (("train", found.train, train), ("heldout", found.heldout, heldout))
    for side, indices, _ in plan:
        if not len(indices):
            raise DatasetError(f"no image falls on the side {side!r}: choose another --share")
    digests = []
    for side, indices, directory in plan:
        how = {
            "kind": "split",
            "side": side,
            "share": share,
            "salt": salt,
            "likeness": asdict(limits),
        }
        digests.append(write_subset(dataset, indices, directory, how))
    return digests[0], digests[1]
