"""The judge is independent, and views are the figures that they repeat."""

from pathlib import Path

import pytest

import training
from tests.unit.training.metrics.clouds import normal
from training.features.efficientnet import LITE0, LITE1
from training.metrics.density_coverage import density_coverage
from training.metrics.frechet import frechet_distance
from training.metrics.precision_recall import precision_recall
from training.metrics.registry import METRICS
from training.metrics.views import JUDGE, REDUCED, SERVED, four_figures
from training.release.gate.limits import DEFAULT, read_limits

TRAINING = Path(training.__file__).parent


def test_the_four_figures_are_those_of_their_metrics() -> None:
    real, generated = normal(60, seed=1), normal(60, seed=2, shift=0.5)
    precision, recall = precision_recall(real, generated, 3)
    _, coverage = density_coverage(real, generated, 3)
    fd = frechet_distance(real, generated, 3)
    assert four_figures(real, generated, 3) == (fd, precision, recall, coverage)


@pytest.mark.parametrize("view", [JUDGE, SERVED, *REDUCED], ids=lambda view: view.key)
def test_titles_tell_the_network_and_keys_are_its_own(view) -> None:
    assert METRICS[view.key] is view
    network = LITE1.name if view is JUDGE else LITE0.name
    assert all(network in figure.title for figure in view.figures)
    every = [figure.key for metric in METRICS.values() for figure in metric.figures]
    titles = [figure.title for metric in METRICS.values() for figure in metric.figures]
    assert len(set(every)) == len(every) and len(set(titles)) == len(titles)


def test_the_gate_does_not_look_at_the_judge() -> None:
    limits = read_limits(DEFAULT)
    assert JUDGE.key not in (*limits.quality, *limits.copying)
    assert not {figure.key for figure in JUDGE.figures} & set(limits.figures)


def test_no_data_set_is_cleaned_by_the_judge() -> None:
    """What chooses or cleans images builds the network by its default, which is Lite0."""
    sources = [*TRAINING.glob("datasets/**/*.py"), *TRAINING.glob("release/**/*.py")]
    assert sources
    named = [path.name for path in sources if "LITE1" in path.read_text(encoding="utf-8")]
    assert not named
