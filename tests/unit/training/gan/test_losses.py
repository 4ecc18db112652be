"""Losses against closed forms and finite differences."""

import math

import torch

from training.gan.losses import (
    LOSSES,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    path_lengths,
)


def test_undecided_discriminator_costs_log_two() -> None:
    zero = torch.zeros(4)
    assert math.isclose(generator_loss(zero).item(), math.log(2), rel_tol=1e-6)
    assert math.isclose(discriminator_loss(zero, zero).item(), 2 * math.log(2), rel_tol=1e-6)


def test_losses_fall_in_the_right_direction() -> None:
    assert generator_loss(torch.tensor([2.0])) < generator_loss(torch.tensor([1.0]))
    sure = discriminator_loss(torch.tensor([2.0]), torch.tensor([-2.0]))
    assert sure < discriminator_loss(torch.tensor([1.0]), torch.tensor([-1.0]))


def test_r1_of_a_linear_discriminator_is_its_squared_norm() -> None:
    weight = torch.randn(3, 4, 4)
    penalty = gradient_penalty(
        lambda image: (image * weight).sum(dim=(1, 2, 3)), torch.randn(5, 3, 4, 4)
    )
    torch.testing.assert_close(penalty, weight.square().sum())


def test_path_length_of_a_linear_generator_is_the_norm_of_its_jacobian() -> None:
    # image = w_0 at every pixel: J^T y has the length |sum(y)| / sqrt(pixels) in the one layer.
    w = torch.randn(2, 1, 1, requires_grad=True)
    image = w.reshape(2, 1, 1, 1).expand(2, 1, 4, 4)
    y = torch.randn(2, 1, 4, 4)
    lengths = path_lengths(image, w, y)
    torch.testing.assert_close(lengths, y.sum(dim=(1, 2, 3)).abs() / 4)


def test_the_relativistic_loss_compares_pairs() -> None:
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    relativistic = LOSSES["relativistic"]
    expected = (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(5.0))) / 2
    assert math.isclose(relativistic.of_discriminator(real, fake), expected, rel_tol=1e-6)
    expected = (math.log1p(math.exp(0.5)) + math.log1p(math.exp(-5.0))) / 2
    assert math.isclose(relativistic.of_generator(fake, lambda: real), expected, rel_tol=1e-6)
    # Only the distance counts: a discriminator that shifts all its logits changes nothing.
    shifted = relativistic.of_discriminator(real + 7, fake + 7)
    torch.testing.assert_close(shifted, relativistic.of_discriminator(real, fake))
    assert relativistic.penalties == ("r1", "r2")
