"""The tail of the largest SSIM: how much the most similar training image resembles each image.

For every generated image the whole training set is scanned; quantiles of the maxima show copies
that no mean shows. Held-out real images give the floor: they resemble some training image too.

The scan (`training.metrics.ssim`) is exact but slow, so it takes few images by default; the engine
of the similarity service is to replace it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.metrics.features import Pictures
from training.metrics.intervals import bootstrap
from training.metrics.material import Material
from training.metrics.score import Figure, Measurement, Metric, Score
from training.metrics.ssim import largest_ssim

QUANTILES = (0.5, 0.95)


def tail(largest_N: NDArray[np.float64], seed: int = 0) -> tuple[Score, ...]:
    """Median and 95 % quantile of the maxima with bootstrap intervals, and the largest one.

    The largest has no interval: the bootstrap does not work for extremes.
    """
    quantiles = [
        bootstrap((largest_N,), lambda x, q=q: float(np.quantile(x, q)), seed) for q in QUANTILES
    ]
    return (*quantiles, Score(float(largest_N.max())))


def _measure(material: Material) -> Measurement:
    generated = _first(material.parts["generated"], material.compared)
    others = _first(material.parts["others"], material.compared)
    training = material.parts["training"]
    return Measurement(
        scores=tail(largest_ssim(generated, training, "generated: SSIM"), material.seed),
        floors=tail(largest_ssim(others, training, "others: SSIM"), material.seed),
        samples={
            "generated": len(generated),
            "others": len(others),
            "training": len(training),
        },
    )


def _first(pictures: Pictures, count: int) -> Pictures:
    return Pictures(pictures.label, pictures.images, pictures.first, min(count, len(pictures)))


METRIC = Metric(
    "max_ssim",
    "how much the most similar training image resembles a generated one, pixel by pixel",
    (
        Figure("max_ssim_median", "largest SSIM to training, median", "not above", 3),
        Figure("max_ssim_95", "largest SSIM to training, 95 % quantile", "not above", 3),
        Figure("max_ssim_most", "largest SSIM to training, maximum", "not above", 3),
    ),
    _measure,
    needs=frozenset({"training"}),
)
