"""The pipeline as a whole, and the rule that moves its probability."""

import math

import pytest
import torch

from training.augmentation import Augmentation, Controller, augment


def pictures(count: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def draw(p: float, seed: int = 0) -> Augmentation | None:
    return Augmentation.draw(16, 16, p, torch.Generator().manual_seed(seed))


def test_p_zero_is_the_identity_to_the_bit() -> None:
    image = pictures()
    assert torch.equal(augment(image, draw(0.0)), image)


def test_images_that_draw_nothing_stay_as_they_are_to_the_bit() -> None:
    image = pictures()
    augmentation = draw(0.05)
    assert augmentation is not None
    untouched = (augmentation.geometry == torch.eye(3)).flatten(1).all(1)
    untouched &= (augmentation.colour == torch.eye(4)).flatten(1).all(1)
    assert 0 < untouched.sum() < 16
    changed = (augment(image, augmentation) != image).flatten(1).any(1)
    assert torch.equal(changed, ~untouched)


def test_draws_depend_on_the_generator_alone() -> None:
    image = pictures()
    assert torch.equal(augment(image, draw(0.8, 3)), augment(image, draw(0.8, 3)))
    assert not torch.equal(augment(image, draw(0.8, 3)), augment(image, draw(0.8, 4)))


def test_rows_are_augmented_as_in_the_whole_batch() -> None:
    image, augmentation = pictures(), draw(0.8)
    assert augmentation is not None
    rows = torch.tensor([1, 5, 9, 13])
    part = augment(image[rows], augmentation.rows(rows))
    torch.testing.assert_close(part, augment(image, augmentation)[rows])


def test_the_gradient_reaches_every_image() -> None:
    image = pictures().requires_grad_(True)
    augment(image, draw(0.9)).square().sum().backward()
    assert image.grad is not None
    assert (image.grad.flatten(1).norm(dim=1) > 0.1).all()


def test_expectations() -> None:
    # At p = 1 the luma flip sends half of the greys to the other side of zero.
    grey = torch.full((4_000, 1, 8, 8), 0.5)
    augmentation = Augmentation.draw(4_000, 8, 1.0, torch.Generator().manual_seed(0))
    means = augment(grey, augmentation).mean(dim=(1, 2, 3))
    assert abs(means.mean()) < 0.03
    # E[(0.5 + b)^2 c^2] with b ~ N(0, 0.2^2) and c = 2^N(0, 0.5^2)
    expected = (0.25 + 0.04) * math.exp(2 * (0.5 * math.log(2)) ** 2)
    assert means.square().mean() == pytest.approx(expected, rel=0.06)


def test_p_rises_while_the_discriminator_overfits_and_falls_when_it_does_not() -> None:
    controller = Controller(p=0.0, target=0.6, ramp_images=1_600)
    for _ in range(3):
        controller.update(0.9, batch=16)
    assert controller.p == 0.0  # every fourth step
    controller.update(0.9, batch=16)
    assert controller.p == pytest.approx(64 / 1_600)
    for _ in range(4 * 30):
        controller.update(0.9, batch=16)
    assert controller.p == 1.0
    for sign in (0.9, 0.9, 0.5, 0.0):  # their mean is below the target
        controller.update(sign, batch=16)
    assert controller.p == pytest.approx(1 - 64 / 1_600)


def test_a_fixed_p_stays() -> None:
    controller = Controller(p=0.3, target=None, ramp_images=100)
    for _ in range(8):
        controller.update(1.0, batch=16)
    assert controller.p == 0.3


def test_the_controller_resumes_exactly() -> None:
    whole = Controller(p=0.1, target=0.6, ramp_images=1_000)
    first = Controller(p=0.1, target=0.6, ramp_images=1_000)
    for sign in (0.9, 0.2, 0.8):
        whole.update(sign, 8)
        first.update(sign, 8)
    second = Controller(p=0.1, target=0.6, ramp_images=1_000)
    second.restore(first.state())
    for sign in (0.9, 0.7, 0.6):
        whole.update(sign, 8)
        second.update(sign, 8)
    assert whole.p == second.p != 0.1
