"""What a metric is, and what it looks at: sets of images and their features.

Features are computed when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.features.cache import FeatureCache
from training.features.extraction import Extractor, Pictures, extract
from training.metrics.reduction import reduced
from training.metrics.samples import Sampler
from training.metrics.score import Features, Figure, Measurement, Score

# "real" and "others" are disjoint halves of the real images that no training saw; "training" are
# images that the generator was trained on, and "all training" is its whole training set; "served"
# are generated images as a served model draws them by default, "generated" as the plan says.
Part = Literal["real", "others", "generated", "served", "training", "all training"]
# What a metric cannot do without, besides real and generated images.
Need = Literal["training", "generator", "mapping", "inception", "truncation"]
Scores = Score | tuple[Score, ...]


@dataclass
class Material:
    """The sets of one evaluation.

    Attributes:
        parts: the images; those of the training and the served ones may be missing.
        resolution: side of all images in pixels.
        extractors: by name, built when first used.
        cache: keeps features of images that have a digest.
        seed: of every random choice that a metric makes.
        generator: what drew the generated images; none if they came from a folder.
        paths: latent paths to measure.
        compared: images of each set that are compared by SSIM.
    """

    parts: Mapping[Part, Pictures]
    resolution: int
    extractors: Mapping[str, Callable[[], Extractor]]
    cache: FeatureCache
    seed: int
    generator: Sampler | None = None
    paths: int = 200
    compared: int = 250
    _built: dict[str, Extractor] = field(default_factory=dict)
    _features: dict[tuple[Part, str, int | None], NDArray[np.float32]] = field(default_factory=dict)

    def extractor(self, name: str = "efficientnet") -> Extractor:
        """The extractor of that name."""
        if name not in self._built:
            self._built[name] = self.extractors[name]()
        return self._built[name]

    def features(
        self, part: Part, extractor: str = "efficientnet", side: int | None = None
    ) -> NDArray[np.float32]:
        """Features [N, D] of one set.

        Args:
            part: the set.
            extractor: its name.
            side: that images are reduced to first; none leaves them.

        Raises:
            ValueError: a feature is not a finite number, or images cannot be reduced to this side.
        """
        key = part, extractor, side
        if key not in self._features:
            pictures = self.parts[part]
            if side is not None:
                pictures = reduced(pictures, self.resolution, side)
            found = extract(self.extractor(extractor), pictures, self.cache)
            if not np.isfinite(found).all():
                raise ValueError(f"{part} images: a feature is not a finite number")
            self._features[key] = found
        return self._features[key]

    def samples(self, *parts: Part) -> dict[str, int]:
        """How many images these sets hold."""
        return {part: len(self.parts[part]) for part in parts}


@dataclass(frozen=True)
class Metric:
    """A way to measure generated images.

    Attributes:
        key: what `anime-gan evaluate --metrics` takes.
        about: what it answers, one line for `--help`.
        figures: the numbers that it reports.
        measure: looks at the material; the same material gives the same measurement.
        needs: what it cannot do without.
        least: images that each set must hold.
        side: that images are reduced to before they are looked at, in pixels; none leaves them.
    """

    key: str
    about: str
    figures: tuple[Figure, ...]
    measure: Callable[[Material], Measurement]
    needs: frozenset[Need] = frozenset()
    least: int = 8
    side: int | None = None


def compare(
    material: Material,
    compute: Callable[[Features, Features, int], Scores],
    extractor: str = "efficientnet",
    *,
    part: Part = "generated",
    side: int | None = None,
) -> Measurement:
    """Measure a distance between two sets of features: real to generated, and real to others.

    Args:
        material: the sets.
        compute: (real [N, D], generated [M, D], seed) -> scores.
        extractor: of the features.
        part: the generated images.
        side: that all images are reduced to first; none leaves them.
    """
    real, others, generated = (
        material.features(each, extractor, side) for each in ("real", "others", part)
    )
    return Measurement(
        scores=_tuple(compute(real, generated, material.seed)),
        floors=_tuple(compute(real, others, material.seed)),
        samples=material.samples("real", "others", part),
    )


def audit(
    material: Material, compute: Callable[[Features, Features, Features, int], Scores]
) -> Measurement:
    """Measure copying: of the generated images, and of held-out real ones in their place.

    Args:
        material: the sets, "training" among them.
        compute: (training [T, D], held-out [N, D], generated [M, D], seed) -> scores.
    """
    training, real = material.features("training"), material.features("real")
    generated, others = material.features("generated"), material.features("others")
    return Measurement(
        scores=_tuple(compute(training, real, generated, material.seed)),
        floors=_tuple(compute(training, real, others, material.seed)),
        samples=material.samples("training", "real", "others", "generated"),
    )


def _tuple(scores: Scores) -> tuple[Score, ...]:
    return scores if isinstance(scores, tuple) else (scores,)
