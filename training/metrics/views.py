"""The same four figures seen in other ways: through a second network, smaller, and as served.

| view         | what it tells                                                                   |
|--------------|---------------------------------------------------------------------------------|
| `judge`      | whether images are better, or only better met the one network of all other      |
|              | figures: nothing is trained on Lite1, cleaned with it or gated by it            |
| `reduced_32` | where the fault sits: what is good at 32 px and bad at 64 px lacks detail;      |
| `reduced_16` | what is bad at 16 px, too, lacks form                                           |
| `served`     | what users get: the served model's truncation and noise, not the whole range    |

FD, precision, recall and coverage are those of `frechet`, `precision_recall` and
`density_coverage`, with their floors.
"""

from __future__ import annotations

from functools import partial

from training.features.efficientnet import LITE0, LITE1
from training.metrics.density_coverage import NEIGHBOUR as REACH
from training.metrics.density_coverage import density_coverage
from training.metrics.frechet import frechet_distance
from training.metrics.material import Material, Metric, Need, Part, compare
from training.metrics.precision_recall import NEIGHBOUR, precision_recall
from training.metrics.score import Features, Figure, Measurement, Score

SIDES = (32, 16)  # of the reduced images


def four_figures(real_ND: Features, generated_MD: Features, seed: int = 0) -> tuple[Score, ...]:
    """Measure FD, precision, recall and coverage.

    Raises:
        ValueError: a set has too few images.
    """
    precision, recall = precision_recall(real_ND, generated_MD, seed)
    _, coverage = density_coverage(real_ND, generated_MD, seed)
    return frechet_distance(real_ND, generated_MD, seed), precision, recall, coverage


def _measure(extractor: str, part: Part, side: int | None, material: Material) -> Measurement:
    return compare(material, four_figures, extractor, part=part, side=side)


def _view(
    key: str,
    about: str,
    names: str,
    *,
    words: str = "",
    extractor: str = "efficientnet",
    part: Part = "generated",
    side: int | None = None,
    needs: frozenset[Need] = frozenset(),
) -> Metric:
    """Make a metric of one view.

    Args:
        key: of the metric.
        about: one line for `--help`.
        names: of the figures' keys, "{}" for what they are.
        words: of the figures' titles.
        extractor: of the features.
        part: the images that are compared with real ones.
        side: that the images are reduced to.
        needs: of the metric.
    """
    network = LITE1.name if extractor == "judge" else LITE0.name
    figures = (
        Figure(names.format("fd"), f"FD{words} ({network})", "lower"),
        Figure(
            names.format("precision"), f"precision{words}, k = {NEIGHBOUR} ({network})", "higher", 3
        ),
        Figure(names.format("recall"), f"recall{words}, k = {NEIGHBOUR} ({network})", "higher", 3),
        Figure(names.format("coverage"), f"coverage{words}, k = {REACH} ({network})", "higher", 3),
    )
    measure = partial(_measure, extractor, part, side)
    least = 2 * (max(NEIGHBOUR, REACH) + 1)  # each image of a half has that many others
    return Metric(key, about, figures, measure, needs, least, side)


JUDGE = _view(
    "judge",
    "FD, precision, recall, coverage by a second network that nothing else has seen through",
    "judge_{}",
    extractor="judge",
)
REDUCED = tuple(
    _view(
        f"reduced_{side}",
        f"the same by the first network, all images reduced to {side} px: form without detail",
        f"{{}}_{side}",
        words=f" at {side} px",
        side=side,
    )
    for side in SIDES
)
SERVED = _view(
    "served",
    "the same at full size, generated images as a served model draws them by default",
    "served_{}",
    words=" as served",
    part="served",
    needs=frozenset({"truncation"}),
)
