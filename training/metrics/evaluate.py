"""Measures generated images against data sets, beside the floor that real images set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from training.datasets.likeness.looks import look
from training.datasets.likeness.overlap import Overlap, overlap
from training.features.cache import FeatureCache
from training.features.efficientnet import LITE1, efficientnet
from training.features.extraction import Pictures
from training.features.inception import inception
from training.metrics import detector
from training.metrics.material import Material, Metric, Need, Part
from training.metrics.pictures import Collection, channels_of, open_collection
from training.metrics.reduction import reducible
from training.metrics.registry import METRICS
from training.metrics.samples import Noise, Sampler
from training.metrics.score import Measurement
from training.networks import stylegan2
from training.networks.interface import DEFAULT_TRUNCATION, ImageGenerator

# What a user can do about a missing need.
REMEDIES: dict[Need, str] = {
    "training": "the images that the generator was trained on (--training DATASET)",
    "generator": "the generator itself (--weights instead of --samples)",
    "mapping": "a generator with a W space",
    "truncation": "a generator with truncation (--weights)",
    "inception": "the file pt_inception-2015-12-05-6726825d.pth (--inception-weights FILE)",
}


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        count: generated images, and real ones to compare them with. The data set must hold twice as
            many, for the floor; a smaller one lowers this number.
        training_images: images of the training set whose features are compared.
        paths: latent paths for the path lengths.
        compared: generated images that are compared with the whole training set by SSIM.
        truncation: psi of the generated images; their noise is random.
        served_truncation: psi of the served images.
        served_noise: their noise.
        seed: chooses the real images, the paths and the resampling; generated images have the seeds
            0, 1, ...
        metrics: keys of the registry; none means all that can be measured.
        cache: folder for the features of images that have a digest.
        allow_overlap: go on where images of the data set are images of the training.
        inception_weights: file of the FID's network.
    """

    count: int = 1000
    training_images: int = 2000
    paths: int = 200
    compared: int = 250
    truncation: float = 1.0
    served_truncation: float = DEFAULT_TRUNCATION
    served_noise: Noise = "constant"
    seed: int = 0
    metrics: tuple[str, ...] | None = None
    cache: Path = Path(".local/cache/features")
    allow_overlap: bool = False
    inception_weights: Path | None = None


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        plan: what was asked for.
        sources: the collections by what they are: "dataset", "training", "samples".
        overlap: images of the data set that are images of the training; None without a training.
        found: per metric, in the order of the registry.
        left_out: metrics that were not asked for by name and cannot be measured, with the reason.
    """

    plan: Plan
    sources: dict[str, Collection]
    overlap: Overlap | None
    found: dict[str, Measurement]
    left_out: dict[str, str]


def evaluate(
    generated: ImageGenerator | Path,
    dataset: Path,
    training: Path | None,
    plan: Plan,
    device: torch.device,
) -> Evaluation:
    """Measure; the same arguments give the same figures.

    Args:
        generated: a generator, or a folder or data set of its images.
        dataset: real images that no training saw, a data set or a folder.
        training: the images that the generator was trained on.
        plan: what to measure.
        device: where networks run.

    Raises:
        OverlapError: images of the data set are images of the training.
        ValueError: images do not compare, there are too few, or a metric that was asked for lacks
            something.
        DatasetError: a data set is damaged.
        OSError: a file cannot be read.
    """
    sources = open_sources(generated, dataset, training, plan.seed)
    material = gather(generated, sources, plan, device)
    chosen, left_out = choose(plan, material)
    shared = check_overlap(sources, plan)
    found = {metric.key: metric.measure(material) for metric in chosen}
    return Evaluation(plan, sources, shared, found, left_out)


def open_sources(
    generated: ImageGenerator | Path, dataset: Path, training: Path | None, seed: int
) -> dict[str, Collection]:
    """Open what lies on the disk, all with the channels of the generated images.

    Raises:
        ValueError: images differ in size, or real ones are grey and generated ones are not.
    """
    paths: dict[str, Path | None] = {"dataset": dataset, "training": training}
    if isinstance(generated, ImageGenerator):
        channels = generated.config.image_channels
    else:
        channels, paths["samples"] = channels_of(generated), generated
    sources = {name: open_collection(path, channels, seed) for name, path in paths.items() if path}
    check_sizes(generated, sources)
    return sources


def check_sizes(generated: ImageGenerator | Path, sources: dict[str, Collection]) -> None:
    """Refuse to compare images of different sizes.

    Raises:
        ValueError: naming both.
    """
    if isinstance(generated, ImageGenerator):
        what, side = "the generator draws", generated.config.resolution
    else:
        what, side = f"{sources['samples'].name} has", sources["samples"].resolution
    for source in sources.values():
        if source.resolution != side:
            raise ValueError(f"{what} {side} px, {source.name} has {source.resolution} px")


def check_overlap(sources: dict[str, Collection], plan: Plan) -> Overlap | None:
    """Compare all images of the data set with all of the training; None if there are none of these.

    Raises:
        OverlapError: some are images of the training, and the plan does not allow it.
    """
    if "training" not in sources:
        return None
    heldout, training = (
        (one.name, look(one.images, one.name, plan.cache, one.cache_name))
        for one in (sources["dataset"], sources["training"])
    )
    found = overlap(heldout, training)
    if not plan.allow_overlap:
        found.refuse(". Or go on with --allow-overlap: every report then says the share")
    return found


def gather(
    generated: ImageGenerator | Path,
    sources: dict[str, Collection],
    plan: Plan,
    device: torch.device,
) -> Material:
    """Put together what the metrics look at; no image is read or drawn yet."""
    real = sources["dataset"]
    count = min(plan.count, len(real.images) // 2)
    sampler = None
    if isinstance(generated, ImageGenerator):
        sampler = Sampler(generated.to(device), plan.truncation, device, count)
        drawn = Pictures("generated", sampler, 0, count)
    else:
        count = min(count, len(sources["samples"].images))
        drawn = _pictures("generated", sources["samples"], 0, count)
    parts: dict[Part, Pictures] = {
        "real": _pictures("real", real, 0, count),
        "others": _pictures("others", real, count, count),
        "generated": drawn,
    }
    if "training" in sources:
        training = sources["training"]
        size = min(plan.training_images, len(training.images))
        parts["training"] = _pictures("training", training, 0, size)
        parts["all training"] = _pictures("training", training, 0, len(training.images))
    if sampler and sampler.generator.supports_truncation:
        served = replace(sampler, truncation=plan.served_truncation, noise_mode=plan.served_noise)
        parts["served"] = Pictures("served", served, 0, count)
    extractors = {
        "efficientnet": partial(efficientnet, device),
        "judge": partial(efficientnet, device, LITE1),
        detector.NAME: partial(detector.copy_detector, device),
    }
    if plan.inception_weights:
        extractors["inception"] = partial(inception, plan.inception_weights, device)
    cache = FeatureCache(plan.cache)
    return Material(
        parts,
        real.resolution,
        extractors,
        cache,
        plan.seed,
        sampler,
        plan.paths,
        min(plan.compared, count),
    )


def choose(plan: Plan, material: Material) -> tuple[list[Metric], dict[str, str]]:
    """The metrics to measure, and why others are left out.

    Raises:
        ValueError: a metric that was asked for is unknown, or cannot be measured.
    """
    reasons = {key: obstacle(metric, material) for key, metric in METRICS.items()}
    if plan.metrics is None:
        chosen = [METRICS[key] for key, reason in reasons.items() if not reason]
        return chosen, {key: reason for key, reason in reasons.items() if reason}
    for key in plan.metrics:
        if key not in METRICS:
            raise ValueError(f"--metrics: {key!r} is unknown; there are {', '.join(METRICS)}")
        if reasons[key]:
            raise ValueError(f"--metrics: {key} needs {reasons[key]}")
    return [METRICS[key] for key in METRICS if key in plan.metrics], {}


def obstacle(metric: Metric, material: Material) -> str:
    """What a metric lacks; nothing if it can be measured."""
    lacking = [REMEDIES[need] for need in sorted(metric.needs - set(has(material)))]
    if lacking:
        return " and ".join(lacking)
    smallest = min(len(pictures) for pictures in material.parts.values())
    if smallest < metric.least:
        return f"at least {metric.least} images in each set, and there are {smallest} (--count)"
    if metric.side is not None and not reducible(material.resolution, metric.side):
        multiple = f"a multiple of {metric.side} px above it"
        return f"images whose side is {multiple}; these have {material.resolution} px"
    return ""


def has(material: Material) -> Iterable[Need]:
    """What is there besides real and generated images."""
    if "training" in material.parts:
        yield "training"
    if "inception" in material.extractors:
        yield "inception"
    if material.generator:
        yield "generator"
        if "served" in material.parts:
            yield "truncation"
        if isinstance(material.generator.generator, stylegan2.Generator):
            yield "mapping"


def _pictures(label: str, source: Collection, first: int, count: int) -> Pictures:
    return Pictures(label, source.images, first, count, source.cache_name)
