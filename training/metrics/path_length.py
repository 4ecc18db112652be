"""Perceptual path length (Karras et al. 2019, arXiv:1812.04948, section 4.1), on our own features.

How fast the image changes on the way between two random latents: the mean of

    |f(G(path(t + e))) - f(G(path(t)))|^2 / e^2,   t uniform in [0, 1), e = 1e-4

on great circles between two z, and on straight lines between two w. The paper's f is LPIPS on
VGG-16; ours are the features of all other metrics here, so values compare with no publication.

The floor is the mean squared distance between two real images, twice the trace of their covariance.
No generator that draws real images can have less: a path that covers a distance in unit time has a
mean squared speed of at least that distance squared (Cauchy and Schwarz). A lower value means less
variety than the real images have.

Shape suffixes: B batch, Z and W latent dimensions, C channels, H height, W width, D features.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animegan_cli.progress import ProgressBar
from training.features.efficientnet import LITE0
from training.features.extraction import BATCH
from training.metrics.intervals import bootstrap
from training.metrics.material import Material, Metric
from training.metrics.samples import Sampler
from training.metrics.score import Features, Figure, Measurement, Score
from training.networks.stylegan2 import Generator

STEP = 1e-4
# Streams of random numbers of a seed; 0 and 1 are the latent and the noise of its image.
_OTHER_END, _TIME = 2, 3

Array = NDArray[np.float64]
# From time [B, 1] to the image there, [B, C, H, W] in [-1, 1].
Path = Callable[[Tensor], Tensor]


def squared_speed(path: Path, time_B1: Tensor, features: Callable[[Tensor], Tensor]) -> Array:
    """Squared speed of the features on paths, [B].

    Both images of a path go through the network in one batch, so that what remains of rounding is
    the same for both.

    Args:
        path: where the image is at a time.
        time_B1: in [0, 1 - STEP].
        features: from levels 0..255 [B, H, W, C], not rounded, to [B, D].
    """
    images = torch.cat([path(time_B1), path(time_B1 + STEP)])
    levels = (images.clamp(-1, 1) + 1) * 127.5
    start, end = features(levels.permute(0, 2, 3, 1)).double().chunk(2)
    return ((end - start) / STEP).square().sum(dim=1).cpu().numpy()


def on_sphere(z_BZ: Tensor) -> Tensor:
    """Move latents to the sphere of radius sqrt(Z), where nearly all normal latents lie."""
    return z_BZ * torch.rsqrt(z_BZ.square().mean(dim=1, keepdim=True))


def slerp(start_BZ: Tensor, end_BZ: Tensor, time_B1: Tensor) -> Tensor:
    """The point of the great circle at a time (Shoemake 1985); both ends on one sphere."""
    cosine = torch.nn.functional.cosine_similarity(start_BZ, end_BZ)[:, None]
    angle = torch.acos(cosine.clamp(-1, 1))
    parts = torch.sin((1 - time_B1) * angle) * start_BZ + torch.sin(time_B1 * angle) * end_BZ
    return parts / torch.sin(angle)


def path_in_z(sampler: Sampler, seeds: NDArray[np.int64]) -> Path:
    """Great circles between two latents of each seed, with one noise."""
    start, end = (on_sphere(sampler.latents(seeds, stream)) for stream in (0, _OTHER_END))
    noise = sampler.noise(seeds)
    return lambda time: sampler.generator.sample(slerp(start, end, time), sampler.truncation, noise)


def path_in_w(sampler: Sampler, seeds: NDArray[np.int64]) -> Path:
    """Straight lines between the w of two latents of each seed, with one noise."""
    generator = sampler.generator
    if not isinstance(generator, Generator):
        raise TypeError(f"a {generator.kind} has no W space")
    start, end = (generator.mapping(sampler.latents(seeds, s)) for s in (0, _OTHER_END))
    noise = sampler.noise(seeds)
    psi = torch.full((len(seeds), 1), sampler.truncation, device=sampler.device)
    return lambda time: generator.synthesis(
        generator.styles(torch.lerp(start, end, time), psi), noise
    )


def real_spread(real_ND: Features, seed: int = 0) -> Score:
    """Mean squared distance between the features of two real images, the floor."""
    x = real_ND.astype(np.float64)
    deviations = np.square(x - x.mean(axis=0)).sum(axis=1) * 2 * len(x) / (len(x) - 1)
    return bootstrap((deviations,), np.mean, seed)


@torch.no_grad()
def _measure(
    material: Material, label: str, paths: Callable[[Sampler, NDArray[np.int64]], Path]
) -> Measurement:
    sampler, extractor = material.generator, material.extractor()
    if sampler is None:
        raise ValueError("path length needs a generator, not only its images")
    speeds, size = [], max(1, BATCH[sampler.device.type] // 2)
    for first in ProgressBar(range(0, material.paths, size), desc=label, unit="batch"):
        seeds = np.arange(first, min(first + size, material.paths))
        time = sampler.uniform(seeds, _TIME) * (1 - STEP)
        speeds.append(squared_speed(paths(sampler, seeds), time, extractor))
    return Measurement(
        scores=(bootstrap((np.concatenate(speeds),), np.mean, material.seed),),
        floors=(real_spread(material.features("real"), material.seed),),
        samples={"paths": material.paths, **material.samples("real")},
    )


IN_Z = Metric(
    "ppl_z",
    "how smoothly images change between latents z",
    (Figure("ppl_z", f"path length in Z ({LITE0.name})", "lower", 0),),
    lambda material: _measure(material, "paths in Z", path_in_z),
    needs=frozenset({"generator"}),
)
IN_W = Metric(
    "ppl_w",
    "how smoothly images change between intermediate latents w",
    (Figure("ppl_w", f"path length in W ({LITE0.name})", "lower", 0),),
    lambda material: _measure(material, "paths in W", path_in_w),
    needs=frozenset({"generator", "mapping"}),
)
