"""A run that goes on measures its own snapshots: which is the best, and whether it still learns."""

from __future__ import annotations

from dataclasses import asdict

from training.datasets.likeness.looks import look
from training.datasets.likeness.overlap import overlap
from training.gan.trainer import GanTrainer
from training.run.folder import RunFolder
from training.run.journal import Journal
from training.run.snapshots import CURVE, Curve, Examiner, Watch


class Watching:
    """The curve of a run that goes on; what a killed run left unmeasured is measured at once.

    Args:
        watch: how to measure.
        files: of the run.
        trainer: restored, or new.
        journal: open; each snapshot gets a line.

    Raises:
        OverlapError: held-out images are copies of those that the run trains on.
        ValueError: the held-out images do not fit, or the folder's curve was measured otherwise.
        DatasetError: they are no data set, or damaged.
    """

    def __init__(
        self, watch: Watch, files: RunFolder, trainer: GanTrainer, journal: Journal
    ) -> None:
        self._files, self._trainer, self._journal = files, trainer, journal
        examiner = Examiner(watch, trainer.device)
        heldout, dataset = examiner.collection(trainer.average), trainer.images.dataset
        looks = look(heldout.images, heldout.name, watch.cache, heldout.cache_name)
        seen = look(dataset.images_NHWC, dataset.header.name, watch.cache, dataset.digest)
        overlap((heldout.name, looks), (dataset.header.name, seen)).refuse()
        self._curve = Curve(files.path / CURVE, examiner)
        self._curve.rewind(trainer.images_seen)
        self.measure()

    @property
    def flat(self) -> bool:
        """Whether the run has not got better for long."""
        return self._curve.flat_since is not None

    def measure(self) -> None:
        """Measure the snapshot of this moment, if it left weights and was not measured; tell of it.

        Raises:
            OSError: a file cannot be read or written; the checkpoint is whole.
        """
        seen = self._trainer.images_seen
        weights = self._files.numbered(seen)
        if weights.exists() and self._curve.measured(seen) is None:
            figures = asdict(self._curve.measure(weights))
            del figures["images_seen"]
            if self._curve.flat_since is not None:
                figures["flat_since"] = self._curve.flat_since
            resolution = self._trainer.options.resolution_at(max(0, seen - 1))
            self._journal.measured(seen, resolution, figures)
        since = self._curve.flat_since
        self._journal.remarks["curve"] = "" if since is None else f"FD flat since {since:,} images"
