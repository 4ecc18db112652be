"""Changed copies, to which SSIM is nearly blind: what the copy detector says of each subject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from animegan_search.copies import Copies, CopyIndex, CopyIndexError
from animegan_search.copies.manifest import FOLDER, MANIFEST
from training.audit.subjects import Images
from training.copies.embedding import Embedder


@dataclass(frozen=True)
class CopySearch:
    """Looks for the originals of images among the embeddings of an index's images. Picklable.

    Attributes:
        index: directory of the SSIM index, in which `anime-gan copies index` puts embeddings.
        models: repository of the detector.
        false_alarm_rate: of the verdict.
    """

    index: Path
    models: Path
    false_alarm_rate: float

    @classmethod
    def open(cls, index: Path, models: Path, false_alarm_rate: float | None) -> CopySearch | None:
        """Check that everything is there and belongs together; None if there are no embeddings.

        Raises:
            CopyIndexError: the embeddings are damaged, of an earlier state of the index, or of
                another detector than the repository's.
            ValueError: the repository has no detector, or the false-alarm rate is too small.
        """
        if not (index / FOLDER / MANIFEST).exists():
            return None
        _opened.cache_clear()  # what an earlier audit opened may have changed since
        copies, _ = _opened(index, models)
        calibration = copies.manifest.calibration
        rate = calibration.default_rate if false_alarm_rate is None else false_alarm_rate
        calibration.threshold(rate)
        return cls(index, models, rate)

    def __call__(self, images: Images) -> list[Copies]:
        """The image of the index that each image may be a copy of.

        Args:
            images: uint8 [N, H, W, 3] of the detector's size.

        Raises:
            ValueError: they have another size.
        """
        copies, embedder = _opened(self.index, self.models)
        return copies.search(embedder(images), 1, self.false_alarm_rate)

    def describe(self) -> dict[str, Any]:
        """The detector, its embeddings and its threshold, for the JSON."""
        manifest = _opened(self.index, self.models)[0].manifest
        return {
            "name": manifest.detector.name,
            "version": manifest.detector.version,
            "digest": manifest.detector.sha256,
            "index_digest": manifest.index_digest,
            "heldout_name": manifest.calibration.heldout_name,
            "heldout_count": manifest.calibration.count,
            "false_alarm_rate": self.false_alarm_rate,
            "threshold": manifest.calibration.threshold(self.false_alarm_rate),
        }


@lru_cache(maxsize=1)
def _opened(index: Path, models: Path) -> tuple[CopyIndex, Embedder]:
    """Embeddings and detector, opened once a process.

    Raises:
        CopyIndexError: the embeddings are of another detector than the repository's.
    """
    copies, embedder = CopyIndex.open(index), Embedder(models)
    if embedder.detector != copies.manifest.detector:
        raise CopyIndexError(
            f"{index / FOLDER} was made with another version of the copy detector than {models} "
            "holds: make it again with `anime-gan copies index`"
        )
    return copies, embedder
