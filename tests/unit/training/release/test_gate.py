"""The gate: what its limits mean, and that a candidate is really measured."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.tiny_models import STYLEGAN, TinyGenerator, at_version, write_model
from tests.unit.training.conftest import write_dataset
from training.datasets.grey import with_channels
from training.metrics.score import Score
from training.release.errors import ReleaseError
from training.release.gate.checks import Check, export_checks, figure_check, latency_checks, passed
from training.release.gate.contestant import Contestant
from training.release.gate.limits import DEFAULT, FIGURES, Limits, read_limits
from training.release.gate.measure import require_training_set
from training.release.gate.report import as_json, markdown
from training.release.gate.rule import LARGE_IS_GOOD, Limit, standard_error
from training.release.store import Store

MODELS = Path(__file__).parents[4] / "models"
LIMITS = Limits(parity_levels=1, latency_ratio=1.2, images=1, figures={})
NUMBERS = st.floats(-1e3, 1e6)
WIDTHS = st.floats(0, 1e3)
RATIOS = st.floats(1, 3)
# Figures of each kind.
RELATIVE = st.sampled_from(["kid_x1000", "fd", "recall", "coverage", "max_ssim_95", "auth_pct"])


def wide(value: float, reach: float) -> Score:
    """A value whose 95 % interval reaches so far to both sides."""
    return Score(value, value - reach, value + reach)


def verdict(
    key: str,
    value: float | Score,
    current: float | Score | None,
    floor: float = 0,
    **limit: float,
) -> bool:
    """Whether a figure keeps to its limit; bare numbers have no interval."""
    now = Score(current) if isinstance(current, float | int) else current
    score = value if isinstance(value, Score) else Score(value)
    return figure_check(key, score, Score(floor), now, Limit(**limit)).passed


@given(RELATIVE, NUMBERS, NUMBERS, WIDTHS, RATIOS)
def test_the_same_model_passes_beside_itself(key, value, floor, reach, ratio):
    value = abs(value) if FIGURES[key][1].better in LARGE_IS_GOOD else value  # these are shares
    assert verdict(key, value, value, floor, ratio=ratio)
    same = wide(value, reach)
    assert verdict(key, same, same, floor, ratio=ratio)


def test_a_kid_below_0_and_an_fd_at_its_floor_do_not_refuse_the_same_model():
    assert verdict("kid_x1000", -0.2, -0.2, floor=-0.4, ratio=1.05)
    assert verdict("kid_x1000", -0.2, -0.2, floor=0.1, ratio=1.05)
    assert verdict("fd", 25.2, 25.2, floor=25.2, ratio=1.05)


@given(st.floats(-10, 100), st.floats(1, 1e4), RATIOS)
def test_a_figure_may_be_so_many_times_as_far_beyond_its_floor(floor, excess, ratio):
    current, allowed = floor + excess, excess * ratio
    assert verdict("fd", floor + allowed * 0.999, current, floor, ratio=ratio)
    assert not verdict("fd", floor + allowed * 1.001, current, floor, ratio=ratio)


def test_a_share_may_fall_behind_its_floor_and_behind_the_current_by_the_ratio():
    # Near the floor of 0.8 its distance decides: 0.8 - 0.1 * 1.5 = 0.65, where 0.7 / 1.5 = 0.47.
    assert verdict("recall", 0.651, 0.7, floor=0.8, ratio=1.5)
    assert not verdict("recall", 0.649, 0.7, floor=0.8, ratio=1.5)
    # Far from it the current value does: 0.8 - 0.7 * 1.5 is below 0, where 0.1 / 1.5 = 0.067.
    assert verdict("recall", 0.068, 0.1, floor=0.8, ratio=1.5)
    assert not verdict("recall", 0.066, 0.1, floor=0.8, ratio=1.5)


def test_a_recall_of_0_is_refused_however_far_the_current_is_from_its_floor():
    current = wide(0.07, 0.02)
    assert not verdict("recall", Score(0.0, 0.0, 0.004), current, floor=0.82, ratio=1.1)


def test_chance_is_granted_by_the_intervals_of_both():
    # Standard errors of 3 and 4 make one of 5; 1.645 of them are 8.2.
    reach = 1.959964
    current = wide(50, 3 * reach)
    assert verdict("fd", wide(58.2, 4 * reach), current, ratio=1)
    assert not verdict("fd", wide(58.3, 4 * reach), current, ratio=1)
    assert not verdict("fd", Score(58.2), Score(50.0), ratio=1)
    assert verdict("auth_pct", wide(41.8, 4 * reach), current, floor=50, ratio=1)
    assert not verdict("auth_pct", wide(41.7, 4 * reach), current, floor=50, ratio=1)


def test_an_interval_that_ends_at_0_does_not_hide_its_longer_side():
    assert standard_error(Score(0.01, 0.0, 0.0491999)) == pytest.approx(0.02, rel=1e-4)
    assert standard_error(Score(0.5)) == 0


def test_absolute_limits_hold_for_a_first_version():
    assert verdict("kid_x1000", 7.0, None, at_most=7)
    assert not verdict("kid_x1000", 7.1, None, at_most=7)
    assert verdict("precision", 0.5, None, at_least=0.5)
    assert not verdict("precision", 0.4, None, at_least=0.5)
    assert verdict("max_ssim_95", 0.45, None, floor=0.4, over_floor=0.05)
    assert not verdict("max_ssim_95", 0.46, None, floor=0.4, over_floor=0.05)
    assert verdict("coverage", 0.091, None, floor=0.9, of_floor=0.1)
    assert not verdict("coverage", 0.089, None, floor=0.9, of_floor=0.1)


def test_the_successor_of_a_collapsed_model_is_held_to_absolute_limits():
    assert verdict("coverage", 0.0, 0.0, floor=0.9, ratio=1.1)
    assert not verdict("coverage", 0.0, 0.0, floor=0.9, ratio=1.1, of_floor=0.1)


def test_all_limits_of_a_figure_must_be_kept():
    assert not verdict("kid_x1000", 10.0, 10.0, ratio=1.05, at_most=9)
    assert verdict("kid_x1000", 10.0, None, ratio=1.05)


def test_what_is_no_number_keeps_to_nothing():
    assert not verdict("kid_x1000", math.nan, None, ratio=1.05)
    assert not verdict("kid_x1000", math.nan, 10.0, ratio=1.05)
    assert not verdict("kid_x1000", 10.0, 10.0, floor=math.nan, ratio=1.05)


def test_the_models_that_are_shipped_pass_the_default_limits_where_they_are_absolute():
    """By the figures in its card, `stylegan_faces` is no collapsed model and no copier."""
    metrics = json.loads((MODELS / "stylegan_faces/1/model_card.json").read_text())["metrics"]
    limits = read_limits(DEFAULT).figures
    known = {key: metrics[key] for key in limits if key in metrics}
    assert {"recall", "coverage", "max_ssim_95"} <= set(known)
    for key, value in known.items():
        floor = Score(metrics[f"{key}_floor"])
        assert figure_check(key, Score(value), floor, None, limits[key]).passed, key


def test_the_default_limits_are_readable():
    limits = read_limits(DEFAULT)
    assert set(limits.quality) == {"kid", "fd", "precision_recall", "density_coverage"}
    assert set(limits.copying) == {"max_ssim", "detector"}


HEAD = "parity_levels = 1\nlatency_ratio = 1\nimages = 1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parity_levels = ", "limits.toml"),
        ("colour = 1", "'colour' is unknown; there are figures, images, latency_ratio, parity_"),
        (
            HEAD + "[figures.beauty]\nratio = 1",
            "'beauty' is unknown",
        ),
        (HEAD + "[figures.fd]\nratios = 1", "'ratios' is unknown"),
        (HEAD + "[figures.fd]", "figures.fd has no limit"),
        (HEAD + "[figures.fd]\nratio = 0.9", "give 1 or more"),
        (HEAD + "[figures.ct]\nratio = 2", "give over_floor"),
        (HEAD + "[figures.fd]\nof_floor = 0.5", "better when it is small: give over_floor"),
        (HEAD + "[figures.recall]\nof_floor = 10", r"of_floor is 10: give a share"),
        (HEAD + "[figures.judge_fd]\nratio = 2", "judge_fd is the judge's, which decides nothing"),
        ("parity_levels = 1\nimages = 1\n[figures.fd]\nratio = 2", "latency_ratio"),
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
    assert all(check.candidate.value > 0 and check.current.value > 0 for check in checks)
    slow = replace(LIMITS, latency_ratio=1e-6)
    assert not passed(list(latency_checks(one, other, slow)))


def test_images_of_another_training_set_are_refused(tmp_path):
    ours = write_dataset(tmp_path / "ours", count=8, seed=1)
    other = write_dataset(tmp_path / "other", count=8, seed=2)
    card = {"channels": 3, "dataset": {"name": "squares", "digest": ours.digest}}
    require_training_set(card, ours.directory)
    with pytest.raises(ReleaseError, match=rf"digest {other.digest}.* digest {ours.digest}"):
        require_training_set(card, other.directory)
    with pytest.raises(ReleaseError, match=r"trained on nothing, digest none.*inspect DIR"):
        require_training_set({"channels": 3}, ours.directory)


def test_a_grey_model_learnt_from_the_same_set_in_grey(tmp_path):
    coloured = write_dataset(tmp_path / "coloured", count=8)
    digest = with_channels(coloured, 1).digest
    require_training_set({"channels": 1, "dataset": {"digest": digest}}, coloured.directory)


def test_a_report_says_that_a_model_is_measured_beside_itself(tmp_path):
    one = contestant(tmp_path / "one").part
    same = replace(contestant(tmp_path / "same").part, version=7)
    other = contestant(tmp_path / "other", model=at_version(STYLEGAN, 2)).part
    assert "beside itself" in markdown(one, same, [], "may be published")
    assert "beside itself" not in markdown(one, other, [], "may be published")
    page = markdown(one, None, [], "may be published")
    assert "beside itself" not in page and "the first version: absolute limits alone hold" in page
    assert [json.loads(as_json(one, it, []))["same"] for it in (same, other, None)] == [
        True,
        False,
        False,
    ]


def test_a_report_tells_what_failed_and_why(tmp_path):
    candidate = contestant(tmp_path).part
    limits = Limit(ratio=1.1, of_floor=0.1)
    checks = [
        figure_check(
            "recall", Score(0.05, 0.0, 0.1), Score(0.8), Score(0.4), limits, ", truncation 1"
        ),
        Check("fd", "FD", Score(1.0), None, None, ()),
    ]
    page = markdown(candidate, None, checks, "is refused")
    assert "the candidate is refused" in page
    row = next(line for line in page.splitlines() if "recall" in line)
    assert row.startswith("| **no** | recall, k = 3 (EfficientNet-Lite0), truncation 1 | ")
    assert "| 0.05 (0 to 0.1) | 0.4 | 0.8 | " in row
    assert "**not at least 0.3217**: the current 0.4 over 1.1, less 0.042 (chance)" in row
    assert "**not at least 0.08**: 10% of unseen real images" in row
    assert "| ok | FD | 1 | - | - | none |" in page
    story = json.loads(as_json(candidate, None, checks))
    assert (story["passed"], story["current"]) == (False, None)
    assert [(check["key"], check["passed"]) for check in story["checks"]] == [
        ("recall", False),
        ("fd", True),
    ]
    assert story["checks"][0]["conditions"][1]["bound"] == pytest.approx(0.3217, abs=1e-4)
