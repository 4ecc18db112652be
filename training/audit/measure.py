"""The scan: each subject against the whole index, in this process or by Ray Data.

What comes back of a subject is small (its nearest images, mean, and curve at 150 ranks), so that an
audit of any number of images fits into memory; pictures are fetched again for the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animegan_cli.progress import ProgressBar
from animegan_search.copies import Copies
from animegan_search.ssim.index import Answer, Index, SearchIndexError
from training.audit.detector import CopySearch
from training.audit.subjects import Places, Subjects

NEAREST = 4  # as the seed's report had
RANKS = 150
BATCH = 16  # subjects in a pass: small enough for a lively progress bar, large enough to be fast

Scores = NDArray[np.float32]
Mapper = Callable[
    [Callable[[Places], "list[Measured]"], Iterable[Places]], "Iterable[list[Measured]]"
]


@dataclass(frozen=True, eq=False)
class Measured:
    """What the index says of one subject.

    Attributes:
        place: of the subject.
        ids: of its nearest images, int64 [k], best first.
        ssim: their scores, float64 [k].
        mean: score, over the whole index.
        curve: scores in descending order, at `ranks` of the index, float32 [R].
        copies: what the copy detector says; None where it was not asked.
    """

    place: int
    ids: NDArray[np.int64]
    ssim: NDArray[np.float64]
    mean: float
    curve: Scores
    copies: Copies | None


@dataclass(frozen=True)
class Scan:
    """Measures some subjects; picklable, so it runs on any machine that sees the same files.

    Attributes:
        subjects: all that are audited.
        index: its directory.
        digest: what the index must be.
        threads: cores of the engine; None takes all of the process.
        copies: also asks the copy detector.
    """

    subjects: Subjects
    index: Path
    digest: str
    threads: int | None
    copies: CopySearch | None = None

    def __call__(self, places: Places) -> list[Measured]:
        """Search these subjects in the index.

        Raises:
            SearchIndexError: the index is not the one that the audit began with.
            ValueError: a subject cannot be fetched, or has another shape than the index's images.
            Others as `CopySearch`.
        """
        index = _opened(self.index, self.digest, self.threads)
        images, at = self.subjects[places], ranks(index.count) - 1
        answers = index.search(images, NEAREST)
        copies = self.copies(images) if self.copies else [None] * len(images)
        found = zip(places.tolist(), answers, copies, strict=True)
        return [_measured(place, answer, at, hit) for place, answer, hit in found]


def measure(scan: Scan, mapper: Mapper = map) -> Iterator[Measured]:
    """Measure all subjects in the order of their places, with a progress bar.

    Args:
        scan: what to do.
        mapper: how: `map`, or one that calls in other processes and keeps the order.

    Raises:
        As `Scan`.
    """
    places = np.arange(len(scan.subjects))
    batches = np.split(places, places[BATCH::BATCH])
    with ProgressBar(total=len(places), desc="audit", unit="image") as bar:
        for measured in mapper(scan, batches):
            bar.update(len(measured))
            yield from measured


def ranks(count: int) -> NDArray[np.int64]:
    """Ranks of a curve, int64 [R]: from 1 to `count`, evenly spread on a logarithmic axis."""
    return np.unique(np.geomspace(1, count, RANKS).round().astype(np.int64))


def _measured(place: int, answer: Answer, at: NDArray[np.int64], copies: Copies | None) -> Measured:
    """Keep of an answer what an audit tells; the curve at these places of the descending order."""
    found = answer.found
    alive = found.scores[~np.isnan(found.scores)]  # removed images have no score
    return Measured(place, answer.ids, found.ssim, found.mean, -np.sort(-alive)[at], copies)


@lru_cache(maxsize=1)
def _opened(path: Path, digest: str, threads: int | None) -> Index:
    """The index, opened and verified once a process.

    Raises:
        SearchIndexError: it is not the one that the audit began with.
    """
    index = Index.open(path, threads=threads)
    if index.digest != digest:
        raise SearchIndexError(
            f"{path} has the digest {index.digest[:12]} here and {digest[:12]} where the audit "
            "began: it was changed, or the machines see different ones"
        )
    return index
