"""What is run for a factor and a noise level."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.rpc.errors import InvalidField
from services.upscaler.plan import MAX_SCALE, Filter, Job, enlarged, make_plan
from tests.unit.services.upscaler.networks import APART, FULL, LARGER, PLAIN, method

SIDES = st.integers(1, 9000)
SCALES = st.floats(1, MAX_SCALE)


def names(job: Job, width: int = 10, height: int = 20) -> list[str]:
    return [model.name for model in make_plan(job, width, height).passes]


@pytest.mark.parametrize(
    ("scale", "passes", "resampled"),
    [(1, 0, False), (1.5, 1, True), (2, 1, False), (2.5, 2, True), (3, 2, True), (4, 2, False),
     (5, 3, True), (8, 3, False)],
)  # fmt: skip
def test_as_many_passes_as_reach_the_factor(scale, passes, resampled):
    plan = make_plan(Job(PLAIN, scale), 10, 20)
    assert [model.name for model in plan.passes] == ["upscale_plain_2x"] * passes
    assert plan.resample is (Filter.LANCZOS if resampled else None)
    assert (plan.width, plan.height) == (10 * scale, 20 * scale)


def test_noise_is_removed_by_the_first_pass_only():
    assert names(Job(FULL, 4, 2)) == ["upscale_full_2x_noise2", "upscale_full_2x"]
    assert names(Job(FULL, 2, 0)) == ["upscale_full_2x_noise0"]
    assert names(Job(APART, 4, 2)) == ["upscale_apart_1x_noise2", *["upscale_apart_2x"] * 2]


def test_without_enlarging_the_denoiser_runs_alone():
    for choice in (FULL, APART):
        plan = make_plan(Job(choice, 1, 3), 10, 20)
        assert [model.name for model in plan.passes] == [f"upscale_{choice.name}_1x_noise3"]
        assert (plan.resample, plan.width, plan.height) == (None, 10, 20)


def test_a_method_without_a_denoiser_of_the_same_size_enlarges_and_is_resampled():
    plan = make_plan(Job(LARGER, 1, 3), 10, 20)
    assert [model.name for model in plan.passes] == ["upscale_larger_2x_noise3"]
    assert (plan.resample, plan.width, plan.height) == (Filter.LANCZOS, 10, 20)


def test_what_a_method_cannot_do_lists_what_it_can():
    with pytest.raises(InvalidField) as refused:
        make_plan(Job(PLAIN, 2, 1), 10, 20)
    assert refused.value.field == "options.noise"
    assert refused.value.message == "plain cannot remove noise 1; it has 2x noise -1"
    denoiser = method("denoiser", (1, 0), (1, 2))
    with pytest.raises(InvalidField) as refused:
        make_plan(Job(denoiser, 2), 10, 20)
    assert refused.value.field == "options.scale"
    assert refused.value.message == "denoiser cannot enlarge; it has 1x noise 0, 2"
    noisy = method("noisy", (2, 1))
    assert names(Job(noisy, 2, 1)) == ["upscale_noisy_2x_noise1"]
    with pytest.raises(InvalidField, match=r"options.scale: .* it has 2x noise 1"):
        make_plan(Job(noisy, 4, 1), 10, 20)


@pytest.mark.parametrize("choice", list(Filter))
def test_filters_take_any_factor_but_neither_noise_nor_augmentation(choice):
    plan = make_plan(Job(choice, 2.5), 10, 20)
    assert (plan.passes, plan.resample, plan.width, plan.height) == ((), choice, 25, 50)
    assert make_plan(Job(choice, 1), 10, 20).resample is None
    with pytest.raises(InvalidField, match=r"options.noise: .* leave it out"):
        make_plan(Job(choice, 2, 0), 10, 20)
    with pytest.raises(InvalidField, match=r"options.test_time_augmentation: .* leave it out"):
        make_plan(Job(choice, 2, tta=True), 10, 20)


@given(SIDES, SIDES, SCALES, st.sampled_from([FULL, APART, LARGER]), st.integers(-1, 3))
def test_passes_reach_the_size_with_none_to_spare(width, height, scale, choice, noise):
    plan = make_plan(Job(choice, scale, noise), width, height)
    factors = [model.scale for model in plan.passes if model.scale > 1]
    reached = prod(factors)
    assert reached >= scale
    assert not factors or reached // factors[-1] < scale or (scale == 1 and noise >= 0)
    assert (plan.resample is None) == (
        (plan.width, plan.height) == (width * reached, height * reached)
    )
    assert sum(model.noise >= 0 for model in plan.passes) == (noise >= 0)
    assert not plan.passes or plan.passes[0].noise == noise


@given(SIDES, SCALES)
def test_sides_are_rounded_to_the_nearest_pixel(length, scale):
    side = enlarged(length, scale)
    assert abs(side - length * scale) <= 0.5
    assert side >= length


def test_half_a_pixel_is_rounded_up():
    assert [enlarged(length, 1.5) for length in (1, 3, 5)] == [2, 5, 8]
