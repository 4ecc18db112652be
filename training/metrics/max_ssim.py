"""The tail of the largest SSIM: how much the most similar training image resembles each image.

Every image is compared with the whole training set; quantiles of the maxima show copies that no
mean shows. Held-out real images give the floor: they resemble some training image, too. A p-value
for each image, and the pairs to look at, come from `anime-gan audit`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from animegan_cli.progress import ProgressBar
from animegan_search.ssim.definition import UNIFORM7
from animegan_search.ssim.engine import Engine
from animegan_search.ssim.tiles import pack
from training.features.extraction import ImageSource, Pictures
from training.metrics.intervals import bootstrap
from training.metrics.material import Material, Metric
from training.metrics.score import Figure, Measurement, Score

QUANTILES = (0.5, 0.95)
REFERENCES = 2048  # in memory at a time: 25 MB of 64x64 RGB


def tail(largest_N: NDArray[np.float64], seed: int = 0) -> tuple[Score, ...]:
    """Median and 95 % quantile of the maxima with bootstrap intervals, and the largest one.

    The largest has no interval: the bootstrap does not work for extremes.
    """
    quantiles = [
        bootstrap((largest_N,), lambda x, q=q: float(np.quantile(x, q)), seed) for q in QUANTILES
    ]
    return (*quantiles, Score(float(largest_N.max())))


def largest_ssim(queries: ImageSource, references: ImageSource, label: str) -> NDArray[np.float64]:
    """For each query the largest SSIM (`uniform7`) to any reference, [N], with a progress bar.

    Args:
        queries: uint8 [N, H, W, C]; all are held in memory.
        references: uint8 [M, H, W, C].
        label: what the progress bar says.

    Raises:
        ValueError: the images are smaller than a window, or differ in shape.
    """
    images, places = queries[np.arange(len(queries))], np.arange(len(references))
    largest = np.full(len(images), -np.inf)
    with ProgressBar(total=len(places), desc=label, unit="image") as bar:
        for some in np.split(places, places[REFERENCES::REFERENCES]):
            engine = Engine(pack(references[some]), len(some), UNIFORM7)
            best = [found.ssim[0] for found in engine.search(images, k=1)]
            largest = np.maximum(largest, best)
            bar.update(len(some))
    return largest


def _measure(material: Material) -> Measurement:
    generated = _first(material.parts["generated"], material.compared)
    others = _first(material.parts["others"], material.compared)
    training = material.parts["all training"]
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
