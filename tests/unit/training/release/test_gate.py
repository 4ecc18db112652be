"""The gate: what its limits mean, and that a candidate is really measured."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.tiny_models import STYLEGAN, TinyGenerator, write_model
from training.metrics.score import Score
from training.release.errors import ReleaseError
from training.release.gate.checks import Check, export_checks, figure_check, latency_checks, passed
from training.release.gate.contestant import Contestant
from training.release.gate.limits import DEFAULT, Limit, Limits, read_limits
from training.release.gate.report import as_json, markdown
from training.release.store import Store

LIMITS = Limits(parity_levels=1, latency_ratio=1.2, figures={})
POSITIVE = st.floats(0.01, 1e6)


def verdict(
    key: str, value: float, current: float | None, floor: float = 0, **limit: float
) -> bool:
    before = None if current is None else Score(current)
    return figure_check(key, Score(value), Score(floor), before, Limit(**limit)).passed


@given(POSITIVE, st.floats(1, 3))
def test_a_figure_may_be_as_much_worse_as_the_ratio_says(current, ratio):
    worst = current * ratio
    assert verdict("kid_x1000", worst, current, ratio=ratio)
    assert not verdict("kid_x1000", worst * 1.001, current, ratio=ratio)
    least = current / ratio
    assert verdict("recall", least, current, ratio=ratio)
    assert not verdict("recall", least * 0.999, current, ratio=ratio)


def test_absolute_limits_hold_for_a_first_version():
    assert verdict("kid_x1000", 7.0, None, at_most=7)
    assert not verdict("kid_x1000", 7.1, None, at_most=7)
    assert verdict("precision", 0.5, None, at_least=0.5)
    assert not verdict("precision", 0.4, None, at_least=0.5)
    assert verdict("max_ssim_95", 0.45, None, floor=0.4, over_floor=0.05)
    assert not verdict("max_ssim_95", 0.46, None, floor=0.4, over_floor=0.05)


def test_all_limits_of_a_figure_must_be_kept():
    assert not verdict("kid_x1000", 10.0, 10.0, ratio=1.05, at_most=9)
    assert verdict("kid_x1000", 10.0, None, ratio=1.05)


def test_what_is_no_number_keeps_to_nothing():
    assert not verdict("kid_x1000", math.nan, None, ratio=1.05)
    assert not verdict("kid_x1000", math.nan, 10.0, ratio=1.05)


def test_the_default_limits_are_readable():
    limits = read_limits(DEFAULT)
    assert set(limits.metrics) == {"kid", "fd", "precision_recall", "max_ssim"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parity_levels = ", "limits.toml"),
        ("colour = 1", "'colour' is unknown; there are figures, latency_ratio, parity_levels"),
        (
            "parity_levels = 1\nlatency_ratio = 1\n[figures.beauty]\nratio = 1",
            "'beauty' is unknown",
        ),
        ("parity_levels = 1\nlatency_ratio = 1\n[figures.fd]\nratios = 1", "'ratios' is unknown"),
        ("parity_levels = 1\nlatency_ratio = 1\n[figures.fd]", "figures.fd has no limit"),
        ("parity_levels = 1\nlatency_ratio = 1\n[figures.fd]\nratio = 0.9", "give 1 or more"),
        ("parity_levels = 1\nlatency_ratio = 1\n[figures.ct]\nratio = 2", "give over_floor"),
        ("parity_levels = 1\n[figures.fd]\nratio = 2", "latency_ratio"),
    ],
)
def test_wrong_limits_are_named(text, message, tmp_path):
    file = tmp_path / "limits.toml"
    file.write_text(text)
    with pytest.raises(ReleaseError, match=message):
        read_limits(file)


def contestant(tmp_path: Path, model: TinyGenerator = STYLEGAN, **card: object) -> Contestant:
    folder = write_model(tmp_path / "store", model)
    file = folder / "1" / "model_card.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"contract": "generator"} | card))
    return Contestant.fetch(Store(tmp_path / "store"), model.name, 1, tmp_path / "work")


def test_the_export_is_checked(tmp_path):
    good = contestant(tmp_path, parity={"max_levels": 1})
    assert [check.passed for check in export_checks(good, LIMITS)] == [True, True]


@pytest.mark.parametrize("parity", [{"max_levels": 2}, {}])
def test_an_export_that_differs_from_pytorch_is_refused(parity, tmp_path):
    first, _ = export_checks(contestant(tmp_path, parity=parity), LIMITS)
    assert not first.passed


def test_images_are_those_of_the_seeds(tmp_path):
    drawn = contestant(tmp_path)
    assert drawn.run(drawn.inputs(3)).shape == (3, 64, 64, 3)
    np.testing.assert_array_equal(drawn.run(drawn.inputs(3))[:2], drawn.run(drawn.inputs(2)))


def test_latency_is_measured_beside_the_current_version(tmp_path):
    one = contestant(tmp_path / "one")
    other = contestant(tmp_path / "other")
    checks = list(latency_checks(one, other, LIMITS))
    assert len(checks) == 2
    assert all(check.candidate > 0 and (check.current or 0) > 0 for check in checks)
    slow = Limits(parity_levels=1, latency_ratio=1e-6, figures={})
    assert not passed(list(latency_checks(one, other, slow)))


def test_a_report_tells_what_failed(tmp_path):
    candidate = contestant(tmp_path)
    checks = [Check("KID", 3.25, 2.0, "at most 2.1", False), Check("FD", 1.0, None, "none", True)]
    page = markdown(candidate, None, checks)
    assert "the candidate is refused" in page
    assert "| **no** | KID | 3.25 | 2 | at most 2.1 |" in page
    assert "| ok | FD | 1 | - | none |" in page
    story = json.loads(as_json(candidate, None, checks))
    assert (story["passed"], story["current"], len(story["checks"])) == (False, None, 2)
