"""Measures a generator against a data set, beside the floor that real images set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.datasets.grey import with_channels
from training.datasets.store import Dataset, Images
from training.metrics.efficientnet import EfficientNetLite0, load_efficientnet
from training.metrics.features import EXTRACTOR, cache_path, cached, extract, store
from training.metrics.registry import METRICS
from training.metrics.samples import draw
from training.metrics.score import Metric, Score
from training.networks.interface import ImageGenerator


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        samples: generated images, and real ones to compare them with. A data set must hold twice as
            many, for the floor; a smaller one lowers this number.
        truncation: psi of the generated images.
        seed: chooses the real images and the resampling; generated images have the seeds 0, 1, ...
        metrics: keys of the registry.
        cache: folder for the features of real images.
    """

    samples: int = 2000
    truncation: float = 1.0
    seed: int = 0
    metrics: tuple[str, ...] = tuple(METRICS)
    cache: Path = Path(".local/cache/features")


@dataclass(frozen=True)
class Result:
    """One metric: of the generator, and of real images against other real images."""

    metric: Metric
    generated: Score
    floor: Score

    def to_json(self) -> dict[str, Any]:
        """The figures with their names."""
        return {
            "title": self.metric.title,
            **asdict(self.generated),
            "floor": asdict(self.floor),
        }


def evaluate(
    generator: ImageGenerator, dataset: Dataset, plan: Plan, device: torch.device
) -> list[Result]:
    """Measure a generator; the same arguments give the same figures.

    A grey generator is measured against grey images; the extractor sees both as RGB.

    Raises:
        ValueError: the images differ in size, or are grey where the generator has colours, or the
            data set is too small.
    """
    dataset = with_channels(dataset, generator.config.image_channels)
    check(generator, dataset)
    network = load_efficientnet().to(device)
    count = min(plan.samples, len(dataset) // 2)
    real, others = np.split(real_features(network, dataset, 2 * count, plan, device), 2)
    images = draw(generator.to(device), range(count), plan.truncation, device)
    generated = extract(network, images, "generated features", device)
    return [
        Result(
            METRICS[key],
            METRICS[key].compute(real, generated, plan.seed),
            METRICS[key].compute(real, others, plan.seed),
        )
        for key in plan.metrics
    ]


def check(generator: ImageGenerator, dataset: Dataset) -> None:
    """Refuse to compare what does not compare.

    Raises:
        ValueError: with the reason.
    """
    ours, theirs = generator.config.resolution, dataset.header.resolution
    if ours != theirs:
        raise ValueError(f"the generator draws {ours} px, the data set has {theirs} px")
    if len(dataset) < 8:
        raise ValueError(f"the data set has {len(dataset)} images; at least 8 are needed")


def real_features(
    network: EfficientNetLite0, dataset: Dataset, count: int, plan: Plan, device: torch.device
) -> NDArray[np.float32]:
    """Features [count, 1280] of real images in random order, from the cache if they are there."""
    path = cache_path(plan.cache, dataset.digest, count, plan.seed)
    features = cached(path)
    if features is None or len(features) != count:
        random = np.random.Generator(np.random.Philox(key=plan.seed))
        chosen = random.permutation(len(dataset))[:count]
        features = extract(network, Chosen(dataset.images_NHWC, chosen), "real features", device)
        store(path, features)
    return features


@dataclass(frozen=True)
class Chosen:
    """Some images of a data set, read when they are needed."""

    images: Images
    places: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of chosen images."""
        return len(self.places)

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images [n, H, W, C] by their places among the chosen ones."""
        return self.images[self.places[index]]


def report(results: list[Result], plan: Plan, dataset: Dataset) -> dict[str, Any]:
    """Everything that was measured and how, as JSON."""
    return {
        "samples": min(plan.samples, len(dataset) // 2),
        "truncation": plan.truncation,
        "seed": plan.seed,
        "features": EXTRACTOR,
        "dataset": {"name": dataset.header.name, "digest": dataset.digest},
        "metrics": {result.metric.key: result.to_json() for result in results},
    }


def table(results: list[Result]) -> str:
    """The figures for people: one line per metric."""
    lines = [f"{'metric':34}{'value':>10}  {'95 % interval':>18}  {'real vs real':>12}"]
    for result in results:
        score = result.generated
        interval = "" if score.low is None else f"{score.low:.1f} to {score.high:.1f}"
        lines.append(
            f"{result.metric.title:34}{score.value:10.2f}  {interval:>18}"
            f"  {result.floor.value:12.2f}"
        )
    return "\n".join(lines)
