"""The losses of both kinds of network. Shape suffixes: B batch, L styles, W latent dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits_B: Tensor) -> Tensor:
    """Non-saturating loss, -log D(fake) (Goodfellow et al. 2014)."""
    return F.softplus(-fake_logits_B).mean()


def discriminator_loss(
    real_logits_B: Tensor, fake_logits_B: Tensor, real_label: float = 1.0
) -> Tensor:
    """Logistic loss, -log D(real) - log(1 - D(fake)).

    Args:
        real_logits_B: of real images.
        fake_logits_B: of generated ones.
        real_label: y in -y log D(real) - (1 - y) log(1 - D(real)); below 1 it smooths the label on
            this side alone (Salimans et al. 2016, section 3.4).
    """
    # -(1 - y) log(1 - D) = (1 - y) softplus(logit), and softplus(x) = softplus(-x) + x
    real_B = F.softplus(-real_logits_B) + (1 - real_label) * real_logits_B
    return real_B.mean() + F.softplus(fake_logits_B).mean()


def relativistic_loss(better_logits_B: Tensor, worse_logits_B: Tensor) -> Tensor:
    """Logistic loss of pairs: one image of each should look more real than the other.

    Huang et al. 2024 (R3GAN), equation 2, after Jolicoeur-Martineau 2019. The discriminator wants
    the real images to be the better ones, the generator its own.
    """
    return F.softplus(worse_logits_B - better_logits_B).mean()


@dataclass(frozen=True)
class AdversarialLoss:
    """What both networks minimise.

    Attributes:
        of_discriminator: from the logits of real and generated images.
        of_generator: from the logits of generated images, and a call that gives those of real ones,
            which only a loss that `relates` makes.
        relates: whether the generator's images are compared with real ones.
        penalties: gradient penalties that it needs to converge: "r1" at real images, "r2" at
            generated ones.
    """

    of_discriminator: Callable[[Tensor, Tensor], Tensor]
    of_generator: Callable[[Tensor, Callable[[], Tensor]], Tensor]
    relates: bool
    penalties: tuple[str, ...]


LOSSES = {
    "logistic": AdversarialLoss(
        discriminator_loss, lambda fake, _: generator_loss(fake), False, ("r1",)
    ),
    "relativistic": AdversarialLoss(
        relativistic_loss, lambda fake, real: relativistic_loss(fake, real()), True, ("r1", "r2")
    ),
}


def gradient_penalty(discriminate: Callable[[Tensor], Tensor], images_BCHW: Tensor) -> Tensor:
    """Mean squared norm of the gradient at some images, without gamma / 2.

    R1 at real images, R2 at generated ones (Mescheder et al. 2018, equations 9 and 10).
    """
    images_BCHW = images_BCHW.detach().requires_grad_(True)
    logits = discriminate(images_BCHW)
    (gradient,) = torch.autograd.grad(logits.sum(), images_BCHW, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(image_BCHW: Tensor, w_BLW: Tensor, y_BCHW: Tensor) -> Tensor:
    """Norm of J^T y for a normal random image y, per image, [B] (StyleGAN2, equation 4)."""
    pixels = image_BCHW.shape[2] * image_BCHW.shape[3]
    (gradient,) = torch.autograd.grad(
        (image_BCHW * y_BCHW).sum() / math.sqrt(pixels), w_BLW, create_graph=True
    )
    # The root has no derivative at zero, which is where a zero-initialised ToRGB starts.
    return (gradient.square().sum(dim=2).mean(dim=1) + 1e-8).sqrt()
