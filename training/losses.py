"""The losses of both kinds of network. Shape suffixes: B batch, L styles, W latent dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable

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


def r1_penalty(discriminate: Callable[[Tensor], Tensor], real_BCHW: Tensor) -> Tensor:
    """Mean squared norm of the gradient at real images, without gamma / 2.

    Mescheder et al. 2018, equation 9.
    """
    real_BCHW = real_BCHW.detach().requires_grad_(True)
    logits = discriminate(real_BCHW)
    (gradient,) = torch.autograd.grad(logits.sum(), real_BCHW, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(image_BCHW: Tensor, w_BLW: Tensor, generator: torch.Generator) -> Tensor:
    """Norm of J^T y for a random image y, per image, [B] (StyleGAN2, equation 4)."""
    pixels = image_BCHW.shape[2] * image_BCHW.shape[3]
    y = torch.randn(image_BCHW.shape, generator=generator).to(image_BCHW.device)
    (gradient,) = torch.autograd.grad(
        (image_BCHW * y).sum() / math.sqrt(pixels), w_BLW, create_graph=True
    )
    # The root has no derivative at zero, which is where a zero-initialised ToRGB starts.
    return (gradient.square().sum(dim=2).mean(dim=1) + 1e-8).sqrt()
