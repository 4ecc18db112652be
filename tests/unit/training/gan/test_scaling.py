"""Step sizes, R1 and the average follow the batch, by the rule and nowhere else."""

import dataclasses
import math

import pytest

from training.gan.presets import PRESETS
from training.gan.scaling import half_life, r1_gamma, step_size


@pytest.mark.parametrize(
    ("side", "batch", "gamma", "images", "rate"),
    [  # what the formulas of Karras et al. 2020 give
        (64, 64, 0.0128, 20_000, 0.0025),
        (256, 64, 0.2048, 20_000, 0.0025),
        (1024, 32, 6.5536, 10_000, 0.002),
    ],
)
def test_the_recipe_of_the_paper(
    side: int, batch: int, gamma: float, images: int, rate: float
) -> None:
    assert r1_gamma(side, batch) == pytest.approx(gamma)
    assert half_life(batch) == images
    assert step_size(side) == rate


@pytest.mark.parametrize("side", [64, 128, 256])
def test_gpu_presets_follow_it(side: int) -> None:
    options = PRESETS[f"stylegan-{side}-gpu"]
    assert options.batch == 64
    assert [phase.r1_gamma for phase in options.phases] == [pytest.approx(0.0002 * side**2 / 64)]
    assert options.lr_generator == options.lr_discriminator == 0.0025
    assert options.ema_half_life == 20_000


@pytest.mark.parametrize("name", ["stylegan-64-cpu", "stylegan-256-gpu", "dcgan-color"])
def test_a_changed_batch_changes_what_depends_on_it(name: str) -> None:
    preset = PRESETS[name]
    large = preset.with_batch(4 * preset.batch)
    assert large.batch == 4 * preset.batch
    assert large.lr_generator == pytest.approx(2 * preset.lr_generator)
    assert large.lr_discriminator == pytest.approx(2 * preset.lr_discriminator)
    assert large.ema_half_life == 4 * preset.ema_half_life
    assert gammas(large) == pytest.approx([gamma / 4 for gamma in gammas(preset)])
    assert large.total_images == preset.total_images
    again = large.with_batch(preset.batch)
    assert again.lr_generator == pytest.approx(preset.lr_generator)
    assert preset.with_batch(preset.batch) == preset


def test_the_recipe_and_the_change_of_a_batch_agree() -> None:
    preset = PRESETS["stylegan-256-gpu"].with_batch(32)
    assert gammas(preset) == [pytest.approx(r1_gamma(256, 32))]
    assert preset.ema_half_life == half_life(32)
    # The paper goes from 0.0025 to 0.002, which is less; a linear rule would be 0.00125.
    assert preset.lr_generator == pytest.approx(0.0025 / math.sqrt(2))


def test_an_empty_batch_is_refused() -> None:
    for name in ("stylegan-64-cpu", "dcgan-color"):
        for batch in (0, -4):
            with pytest.raises(ValueError, match=f"batch: {batch} is less than 1"):
                PRESETS[name].with_batch(batch)


def gammas(options) -> list[float]:
    if options.kind == "dcgan":
        return [options.r1_gamma]
    return [phase.r1_gamma for phase in options.phases]


def test_r1_is_multiplied_in_all_phases() -> None:
    preset = PRESETS["stylegan-64-cpu"]
    scaled = preset.with_r1(10)
    assert gammas(scaled) == pytest.approx([0.2, 0.3, 1.0, 2.0])
    sides = [dataclasses.replace(phase, r1_gamma=0) for phase in scaled.phases]
    assert sides == [dataclasses.replace(phase, r1_gamma=0) for phase in preset.phases]
