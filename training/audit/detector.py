"""Changed copies, to which SSIM is nearly blind: what the copy detector says of each subject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from animegan_copies import Copies, CopyIndex, CopyIndexError
from animegan_ssim.index import Index
from training.audit.subjects import Images
from training.copies.embedding import Embedder


@dataclass(frozen=True)
class CopySearch:
    """Looks for the originals of images among the embeddings of the index's images. Picklable.

    Attributes:
        folder: the embeddings, as `anime-gan copies index` writes them.
        models: repository of the detector.
        false_alarm_rate: of the verdict.
    """

    folder: Path
    models: Path
    false_alarm_rate: float

    @classmethod
    def open(cls, folder: Path, models: Path, false_alarm_rate: float, index: Index) -> CopySearch:
        """Check that everything is there and belongs together.

        Raises:
            CopyIndexError: the embeddings are of other images than the index, or of another
                detector than the repository's.
            ValueError: the repository has no detector, or the false-alarm rate is too small.
        """
        search = cls(folder, models, false_alarm_rate)
        copies, _ = _opened(folder, models)
        copies.manifest.calibration.threshold(false_alarm_rate)
        sources = [(source.digest, source.count) for source in index.manifest.sources]
        if sources != [(copies.manifest.images.digest, index.count)]:
            raise CopyIndexError(
                f"{folder} holds embeddings of {copies.manifest.images.name}, which is not what "
                f"the index {index.name} holds: make both from one dataset"
            )
        return search

    def __call__(self, images: Images) -> list[Copies]:
        """The image of the index that each image may be a copy of.

        Args:
            images: uint8 [N, H, W, 3] of the detector's size.

        Raises:
            ValueError: they have another size.
        """
        copies, embedder = _opened(self.folder, self.models)
        return copies.search(embedder(images), 1, self.false_alarm_rate)

    def describe(self) -> dict[str, Any]:
        """The detector, its embeddings and its threshold, for the JSON."""
        manifest = _opened(self.folder, self.models)[0].manifest
        return {
            "name": manifest.detector.name,
            "version": manifest.detector.version,
            "digest": manifest.detector.sha256,
            "embeddings_digest": manifest.calibration.index_digest,
            "heldout_name": manifest.calibration.heldout_name,
            "heldout_count": manifest.calibration.count,
            "false_alarm_rate": self.false_alarm_rate,
            "threshold": manifest.calibration.threshold(self.false_alarm_rate),
        }


@lru_cache(maxsize=1)
def _opened(folder: Path, models: Path) -> tuple[CopyIndex, Embedder]:
    """Embeddings and detector, opened once a process.

    Raises:
        CopyIndexError: the embeddings are of another detector than the repository's.
    """
    copies, embedder = CopyIndex.open(folder), Embedder(models)
    if embedder.detector != copies.manifest.detector:
        raise CopyIndexError(
            f"{folder} was made with another version of the copy detector than {models} holds: "
            "make it again with `anime-gan copies index`"
        )
    return copies, embedder
