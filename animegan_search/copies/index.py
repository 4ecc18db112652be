"""Searches embeddings: the nearest images of an index, and whether they are too near for chance.

Shape suffixes: Q queries, N images, E embedding, K images found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from animegan_search.copies.manifest import (
    EMBEDDINGS,
    FOLDER,
    IDS,
    REBUILD,
    CopyIndexError,
    Manifest,
    check_file,
    read_manifest,
)
from animegan_search.ssim.index.manifest import read_manifest as read_index_manifest

Scalar = TypeVar("Scalar", bound=np.generic)

_QUERIES = 64  # compared at a time: 4 bytes for each and each image

# How far the square of an embedding's length may be from 1; float32 rounds at 1e-7.
LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Copies:
    """What one picture may be a copy of.

    Attributes:
        ids: int64 [K], images of the index, nearest first; ties by id.
        similarity: float32 [K], cosines of the embeddings, in [-1, 1].
        p_value: probability that an unseen image comes as near, at most; in (0, 1].
        threshold: similarity above which a picture is judged a copy.
        false_alarm_rate: share of unseen images above the threshold, at most.
        copied: whether the nearest image lies above the threshold.
    """

    ids: NDArray[np.int64]
    similarity: NDArray[np.float32]
    p_value: float
    threshold: float
    false_alarm_rate: float
    copied: bool


class CopyIndex:
    """The embeddings of an index in memory, 4 E bytes an image. Safe to share between threads.

    Attributes:
        manifest: what the embeddings say about themselves.
    """

    def __init__(
        self, manifest: Manifest, embeddings_NE: NDArray[np.float32], ids_N: NDArray[np.int64]
    ) -> None:
        """Take parts that belong together; `CopyIndex.open` reads and checks them."""
        self.manifest = manifest
        self._ids = ids_N
        self._embeddings = embeddings_NE

    @classmethod
    def open(cls, index: Path | str) -> CopyIndex:
        """Open the embeddings of an SSIM index and verify every byte.

        Args:
            index: the SSIM index's directory.

        Raises:
            CopyIndexError: there are none, they are damaged, of another version of the format, or
                of an earlier state of the index.
            SearchIndexError: the SSIM index is none, or damaged.
        """
        folder = Path(index) / FOLDER
        manifest = read_manifest(folder)
        if manifest.index_digest != read_index_manifest(Path(index)).digest:
            raise CopyIndexError(f"{folder} is of an earlier state of its index: {REBUILD}")
        embeddings = _load(
            folder, EMBEDDINGS, manifest, np.float32, (manifest.count, manifest.embedding)
        )
        return cls(manifest, embeddings, _load(folder, IDS, manifest, np.int64, (manifest.count,)))

    def __len__(self) -> int:
        """Number of images."""
        return self.manifest.count

    def search(
        self,
        embeddings_QE: NDArray[np.float32],
        k: int = 4,
        false_alarm_rate: float | None = None,
    ) -> list[Copies]:
        """The k nearest images of each picture, and the verdict on the nearest.

        Args:
            embeddings_QE: float32, rows of unit length, from the detector of this index.
            k: at least 1; where the index holds fewer images, all of them.
            false_alarm_rate: of the verdict, in (0, 1); None: the calibration's `default_rate`.

        Raises:
            ValueError: the embeddings do not fit, k is less than 1, or the held-out images are too
                few for the false-alarm rate.
        """
        self._check(embeddings_QE, k)
        calibration = self.manifest.calibration
        rate = calibration.default_rate if false_alarm_rate is None else false_alarm_rate
        threshold = calibration.threshold(rate)
        found = []
        for rows, similarity in nearest(self._embeddings, embeddings_QE, k):
            best = float(similarity[0])
            verdict = calibration.p_value(best), threshold, rate, best > threshold
            found.append(Copies(self._ids[rows], similarity, *verdict))
        return found

    def _check(self, embeddings: NDArray[np.float32], k: int) -> None:
        wanted = self.manifest.embedding
        if embeddings.dtype != np.float32 or embeddings.shape[1:] != (wanted,):
            raise ValueError(
                f"embeddings must be float32 [Q, {wanted}], "
                f"got {embeddings.dtype} {list(embeddings.shape)}"
            )
        lengths = np.square(embeddings, dtype=np.float64).sum(axis=1)
        if not np.all(np.abs(lengths - 1) <= LENGTH_TOLERANCE):
            raise ValueError("embeddings must be of unit length, as the copy detector makes them")
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")


def nearest(
    embeddings_NE: NDArray[np.float32], queries_QE: NDArray[np.float32], k: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The min(k, N) embeddings of the largest inner products with each query, all of unit length.

    Ranks are exact: whoever could be among them by float32's rounding is compared again in float64.

    Yields:
        For each query the rows int64 [k], nearest first, ties by row; and their inner products.
    """
    k = min(k, len(embeddings_NE))
    # Twice the largest error of a float32 product of E terms that are summed in any order.
    tolerance = 2 * embeddings_NE.shape[1] * float(np.finfo(np.float32).eps)
    for first in range(0, len(queries_QE), _QUERIES):
        some = queries_QE[first : first + _QUERIES]
        for query, rough in zip(some, some @ embeddings_NE.T, strict=True):
            last = np.partition(rough, -k)[-k]
            rows = np.flatnonzero(rough >= last - tolerance)
            # Not a matrix product: that sums equal rows in an order that depends on their place.
            products = (embeddings_NE[rows] * query.astype(np.float64)).sum(axis=1)
            order = np.lexsort((rows, -products))[:k]
            yield rows[order], products[order].astype(np.float32)


def _load(
    folder: Path, name: str, manifest: Manifest, dtype: type[Scalar], shape: tuple[int, ...]
) -> NDArray[Scalar]:
    """Read an array that is, byte by byte, what the manifest says."""
    if name not in manifest.files:
        raise CopyIndexError(f"{folder}: the manifest lacks {name}: {REBUILD}")
    check_file(folder, name, manifest.files[name])
    try:
        array = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CopyIndexError(f"{folder / name} cannot be read ({error}): {REBUILD}") from error
    if array.dtype != dtype or array.shape != shape:
        raise CopyIndexError(
            f"{folder / name}: expected {np.dtype(dtype)} {list(shape)}, "
            f"found {array.dtype} {list(array.shape)}: {REBUILD}"
        )
    return np.asarray(array, dtype)
