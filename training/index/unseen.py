"""Refuses to calibrate an index with copies of its own images.

A verdict asks whether a picture is closer to the index than unseen ones are. Held-out images whose
copies, mirror images or JPEGs the index holds were not unseen: the threshold would rise, and copies
would pass for new.
"""

from __future__ import annotations

from pathlib import Path

from animegan_cli.console import complain
from animegan_search.ssim.index import Index
from training.datasets.likeness.looks import Looks, look
from training.datasets.likeness.overlap import overlap
from training.datasets.store import Dataset
from training.index.images import AliveImages, heldout_images


def check_dataset(heldout: Dataset, dataset: Dataset, cache: Path) -> None:
    """See that held-out images are none of those that an index is made of.

    Args:
        heldout: the one.
        dataset: the other.
        cache: folder for what is known of images.

    Raises:
        OverlapError: some are.
    """
    _compare(_of(heldout, cache), _of(dataset, cache))


def check_index(index: Index, heldout: Dataset | None, cache: Path) -> None:
    """See that held-out images are none of an index; by default those that it was calibrated with.

    Raises:
        OverlapError: some are.
    """
    others = _of(heldout, cache) if heldout else _own(index, cache)
    if others:
        seen = look(AliveImages.of(index), index.name, cache, index.digest)
        _compare(others, (index.name, seen))


def check_appended(index: Index, dataset: Dataset, cache: Path) -> None:
    """See that the images that an index was calibrated with are none of a dataset to append.

    Raises:
        OverlapError: some are.
    """
    if own := _own(index, cache):
        _compare(own, _of(dataset, cache))


def _compare(heldout: tuple[str, Looks], seen: tuple[str, Looks]) -> None:
    """Refuse held-out images that were seen, and name the few that may be alike by chance."""
    found = overlap(heldout, seen)
    found.refuse()
    if found.copies:
        complain(f"note: {found}")


def _own(index: Index, cache: Path) -> tuple[str, Looks] | None:
    """Those that an index was calibrated with, with their name."""
    if not index.manifest.calibration:
        return None
    kept = index.manifest.calibration.heldout
    return kept.name, look(heldout_images(index), kept.name, cache, kept.digest)


def _of(dataset: Dataset, cache: Path) -> tuple[str, Looks]:
    name = dataset.header.name
    return name, look(dataset.images_NHWC, name, cache, dataset.digest)
