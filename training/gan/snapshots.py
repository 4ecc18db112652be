"""The curve of a run: FD and coverage of its snapshots, measured on images that no training saw.

Two questions are answered by it. Which snapshot is the best: the one with the least excess, which
is FD over its floor plus the share of held-out images that are not covered. And whether the run
still learns: an FD counts as better than the best one so far where it lies below that one's
95 % interval; the curve is flat when none did for 500,000 images.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training import files
from training.datasets.likeness.looks import look
from training.datasets.likeness.overlap import overlap
from training.features import efficientnet
from training.features.cache import FeatureCache
from training.features.extraction import Extractor, Pictures, extract
from training.gan.trainer import GanTrainer
from training.metrics.density_coverage import METRIC as COVERAGE
from training.metrics.density_coverage import density_coverage
from training.metrics.evaluate import Plan
from training.metrics.frechet import frechet_distance
from training.metrics.pictures import Collection, open_collection
from training.metrics.samples import Sampler
from training.networks.interface import ImageGenerator
from training.networks.weights import load_generator
from training.run.curves import draw_snapshots
from training.run.folder import RunFolder
from training.run.journal import Journal

CURVE = "curve.json"
FIGURE_SUFFIX = ".png"
BEST = "best.safetensors"
# A run that does not get better for so many images is flat.
FLAT_IMAGES = 500_000
# Images in each half: coverage needs the most.
LEAST = COVERAGE.least
# Of the real images' order and of the intervals; generated images have the seeds 0, 1, ...
SEED = 0


@dataclass(frozen=True)
class Watch:
    """What a run is told of measuring its snapshots.

    Attributes:
        heldout: real images that no training saw, a data set or a folder.
        count: generated images, and real ones to compare them with, at most half of the held-out
            ones: the other half gives the floor.
        cache: folder for the features of the real images.
        stop_when_flat: whether the run ends there.
    """

    heldout: Path
    count: int = Plan.count
    cache: Path = Plan.cache
    stop_when_flat: bool = False

    def begin(self, files: RunFolder, trainer: GanTrainer, journal: Journal) -> Watching:
        """Begin with a run that is restored, or new; see `Watching`."""
        return Watching(self, files, trainer, journal)


@dataclass(frozen=True)
class Snapshot:
    """The figures of one snapshot, with the ends of their 95 % intervals."""

    images_seen: int
    fd: float
    fd_low: float
    fd_high: float
    coverage: float
    coverage_low: float
    coverage_high: float

    def __str__(self) -> str:
        return (
            f"{self.images_seen / 1000:7,.0f} kimg   FD {self.fd:.1f} "
            f"({self.fd_low:.1f} to {self.fd_high:.1f})   coverage {self.coverage:.3f} "
            f"({self.coverage_low:.3f} to {self.coverage_high:.3f})"
        )

    def excess(self, floor_fd: float) -> float:
        """FD / floor + (1 - coverage): near 1 for a perfect generator, larger for worse ones.

        A sum, not FD / coverage: where coverage is small, its quotient would be all chance.
        """
        return self.fd / floor_fd + (1 - self.coverage)


def best(snapshots: Sequence[Snapshot], floor_fd: float) -> Snapshot:
    """The snapshot to ship, the one with the least excess."""
    return min(snapshots, key=lambda snapshot: snapshot.excess(floor_fd))


def flat_since(snapshots: Sequence[Snapshot]) -> int | None:
    """Images seen at the last snapshot that was better by more than chance, if it is long ago.

    Args:
        snapshots: in the order of the run, at least one.

    Returns:
        None as long as the run may still be learning.
    """
    record = snapshots[0]
    for snapshot in snapshots:
        if snapshot.fd < record.fd_low:
            record = snapshot
    waited = snapshots[-1].images_seen - record.images_seen
    return record.images_seen if waited >= FLAT_IMAGES else None


class Examiner:
    """Measures generators against one set of held-out images.

    Args:
        watch: which images, and how many.
        device: where networks run.
    """

    def __init__(self, watch: Watch, device: torch.device) -> None:
        self.watch = watch
        self.device = device
        self._cache = FeatureCache(watch.cache)
        self._halves: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def measure(self, generator: ImageGenerator, images_seen: int) -> Snapshot:
        """Measure the generator of one snapshot, untruncated.

        Raises:
            ValueError: the images do not compare, there are too few, or the generator is broken.
            DatasetError: the data set is damaged.
        """
        real, _ = self.halves(generator)
        sampler = Sampler(generator.to(self.device), 1.0, self.device, len(real))
        found = self._features(Pictures("generated", sampler, 0, len(real)))
        return _figures(images_seen, real, found)

    def floor(self, generator: ImageGenerator) -> Snapshot:
        """The figures of real images in the place of generated ones."""
        return _figures(0, *self.halves(generator))

    def collection(self, generator: ImageGenerator) -> Collection:
        """The held-out images with the channels of a generator.

        Raises:
            ValueError: they differ from the generator's in size, have no colours, or are too few.
        """
        found = open_collection(self.watch.heldout, generator.config.image_channels, SEED)
        side = generator.config.resolution
        if found.resolution != side:
            raise ValueError(
                f"the generator draws {side} px, the held-out images {found.name} have "
                f"{found.resolution} px: give images of {side} px"
            )
        if min(self.watch.count, len(found.images) // 2) < LEAST:
            raise ValueError(
                f"each half of the held-out images needs {LEAST}: {found.name} has "
                f"{len(found.images)}, and {self.watch.count} are asked for: give more"
            )
        return found

    def halves(self, generator: ImageGenerator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features of two disjoint sets of real images, [N, D] each; computed once."""
        if self._halves is None:
            source = self.collection(generator)
            count = min(self.watch.count, len(source.images) // 2)
            first, second = (
                Pictures("held-out", source.images, start, count, source.cache_name)
                for start in (0, count)
            )
            self._halves = self._features(first), self._features(second)
        return self._halves

    @cached_property
    def _extractor(self) -> Extractor:
        return efficientnet.efficientnet(self.device)

    def _features(self, pictures: Pictures) -> NDArray[np.float32]:
        found = extract(self._extractor, pictures, self._cache)
        if not np.isfinite(found).all():
            raise ValueError(f"{pictures.label} images: a feature is not a finite number")
        return found


class Curve:
    """The measured snapshots of one run, kept in a file, with a figure and the best weights beside.

    Args:
        path: the JSON file; what it holds is gone on with.
        examiner: measures.

    Attributes:
        snapshots: in the order of the run.

    Raises:
        ValueError: the file is not one of these, or was measured otherwise.
    """

    def __init__(self, path: Path, examiner: Examiner) -> None:
        self.path = path
        self._examiner = examiner
        self._header: dict[str, Any] = {}
        self.snapshots: list[Snapshot] = []
        if path.exists():
            self._read()

    @property
    def flat_since(self) -> int | None:
        """See `flat_since`; none where nothing was measured yet."""
        return flat_since(self.snapshots) if self.snapshots else None

    @property
    def best(self) -> Snapshot:
        """See `best`; at least one was measured."""
        return best(self.snapshots, self._header["floor"]["fd"])

    def verdict(self) -> str:
        """One line: the best snapshot, and whether the curve is flat."""
        since = self.flat_since
        state = "not flat yet" if since is None else f"flat since {since / 1000:,.0f} kimg"
        floor = self._header["floor"]
        return (
            f"best: {self.best.images_seen / 1000:,.0f} kimg; {state}; real against "
            f"real: FD {floor['fd']:.1f}, coverage {floor['coverage']:.3f}"
        )

    def rewind(self, images_seen: int) -> None:
        """Forget the snapshots that a resumed run is going to write again."""
        self.snapshots = [row for row in self.snapshots if row.images_seen <= images_seen]

    def measured(self, images_seen: int) -> Snapshot | None:
        """The snapshot after so many images, if it was measured."""
        return next((row for row in self.snapshots if row.images_seen == images_seen), None)

    def measure(self, weights: Path) -> Snapshot:
        """Measure a snapshot, unless that was done; keep its weights where they are the best.

        No random number is drawn from PyTorch's own generators: a run goes on as if nobody had
        measured.

        Args:
            weights: named by the images seen, as `training.run.folder` writes them.

        Raises:
            ValueError: see `Examiner.measure`, or the weights are broken.
            DatasetError: the held-out images are damaged.
            OSError: a file cannot be read or written.
        """
        images_seen = int(weights.stem)
        known = self.measured(images_seen)
        if known is not None:
            return known
        with torch.random.fork_rng(devices=[]):
            generator, _ = load_generator(weights)
            self._check_header(generator, weights)
            snapshot = self._examiner.measure(generator, images_seen)
        rows = [*self.snapshots, snapshot]
        self.snapshots = sorted(rows, key=lambda row: row.images_seen)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.best == snapshot:
            files.write(self.path.with_name(BEST), weights.read_bytes())
        self._write()
        return snapshot

    def _check_header(self, generator: ImageGenerator, weights: Path) -> None:
        """Make sure that the new figure compares with those that are there."""
        source = self._examiner.collection(generator)
        real, _ = self._examiner.halves(generator)
        told = {
            "dataset": {"name": source.name, "digest": source.digest},
            "count": len(real),
            "truncation": 1.0,
            "seed": SEED,
            "features": efficientnet.LITE0.name,
        }
        for name, value in told.items():
            if self._header and self._header.get(name) != value:
                raise ValueError(
                    f"{self.path} was measured with {name} {self._header.get(name)}, "
                    f"{weights.name} would be with {value}: remove the file, or measure alike"
                )
        if not self._header:
            floor = asdict(self._examiner.floor(generator))
            del floor["images_seen"]
            self._header = told | {"floor": floor}

    def _read(self) -> None:
        try:
            content = json.loads(self.path.read_bytes())
            self.snapshots = [Snapshot(**row) for row in content.pop("snapshots")]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{self.path} is not the curve of a run ({error!r}): remove it"
            ) from error
        self._header = {key: content[key] for key in content if key not in ("best", "flat_since")}

    def _write(self) -> None:
        content = self._header | {
            "best": self.best.images_seen,
            "flat_since": self.flat_since,
            "snapshots": [asdict(row) for row in self.snapshots],
        }
        files.write(self.path, files.pretty(content))
        draw_snapshots(content, self.path.with_suffix(FIGURE_SUFFIX))


class Watching:
    """Keeps the curve of a run that goes on; what a killed one left unmeasured it measures at once.

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
        self._watch = watch
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
    def enough(self) -> bool:
        """Whether the run has not got better for long, and shall end then."""
        return self._watch.stop_when_flat and self._curve.flat_since is not None

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
            self._journal.measured(seen, self._trainer.resolution, figures)
        since = self._curve.flat_since
        self._journal.remarks["curve"] = "" if since is None else f"FD flat since {since:,} images"


def _figures(
    images_seen: int, real_ND: NDArray[np.float32], other_ND: NDArray[np.float32]
) -> Snapshot:
    fd = frechet_distance(real_ND, other_ND, SEED)
    _, coverage = density_coverage(real_ND, other_ND, SEED)
    ends = (fd.low, fd.high, coverage.low, coverage.high)
    fd_low, fd_high, low, high = (math.nan if end is None else end for end in ends)
    return Snapshot(images_seen, fd.value, fd_low, fd_high, coverage.value, low, high)
