"""Frechet distance between two Gaussians fitted to features (Heusel et al. 2017, arXiv:1706.08500).

    |mean_x - mean_y|^2 + tr(C_x) + tr(C_y) - 2 tr((C_x C_y)^(1/2))

The first term's share of it tells what kind of fault it is: near 1, all images are off in the same
way; near 0, they differ from each other in other ways, or less, than real ones do.

It is biased: the fewer images, the larger. Compare it only between equal numbers of images, and
with its own floor of real against real.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.features import inception
from training.features.efficientnet import LITE0
from training.metrics.intervals import halves
from training.metrics.material import Material, Metric, compare
from training.metrics.score import Features, Figure, Measurement, Score

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def frechet_distance(real_ND: Features, generated_MD: Features, seed: int = 0) -> Score:
    """Measure the Frechet distance with its interval from random halves.

    Halves have a larger bias than the whole; their spread is used, their mean is not.

    Raises:
        ValueError: a set has fewer than 4 images.
    """
    return frechet_and_means(real_ND, generated_MD, seed)[0]


def frechet_and_means(
    real_ND: Features, generated_MD: Features, seed: int = 0
) -> tuple[Score, Score]:
    """Measure the Frechet distance, and the share of it, in [0, 1], that lies between the means.

    Raises:
        ValueError: a set has fewer than 4 images.
    """
    if min(len(real_ND), len(generated_MD)) < 4:
        raise ValueError("the Frechet distance needs at least 4 images in each set")
    x, y = real_ND.astype(np.float64), generated_MD.astype(np.float64)

    def of_halves(a: Places, b: Places) -> Array:
        return _estimate(x[a], y[b])

    most = np.array([np.inf, 1.0])
    distance, share = halves(_estimate(x, y), (len(x), len(y)), of_halves, seed, (0.0, most))
    return distance, share


def _estimate(x_ND: Array, y_MD: Array) -> Array:
    """The formula above, and its first term over the whole, [2].

    With C = R'R the last trace is the nuclear norm of R_x R_y': no square root of a product of
    matrices, which is the numerically weak step of the usual implementation.
    """
    root_x, root_y = _covariance_root(x_ND), _covariance_root(y_MD)
    means = np.square(x_ND.mean(axis=0) - y_MD.mean(axis=0)).sum()
    traces = np.square(root_x).sum() + np.square(root_y).sum()
    distance = means + traces - 2 * np.linalg.norm(root_x @ root_y.T, "nuc")
    # Equal sets have no distance to share, but a rounding error of either sign.
    share = min(means / distance, 1.0) if means > 0 < distance else 0.0
    return np.array([distance, share])


def _covariance_root(x_ND: Array) -> Array:
    """A matrix R, [min(N, D), D], with R'R = the covariance."""
    centred: Array = (x_ND - x_ND.mean(axis=0)) / np.sqrt(len(x_ND) - 1)
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))


def _measure_fd(material: Material) -> Measurement:
    return compare(material, frechet_and_means)


def _measure_fid(material: Material) -> Measurement:
    return compare(material, frechet_distance, "inception")


FD = Metric(
    "fd",
    "how far the distributions of features are apart, as Gaussians",
    (
        Figure("fd", f"FD ({LITE0.name})", "lower"),
        Figure("fd_means", "share of FD that lies between the means", "as real"),
    ),
    _measure_fd,
)
FID = Metric(
    "fid",
    "FD on Inception-V3 features: the FID of the literature",
    (Figure("fid", f"FID ({inception.NAME} 2015-12-05)", "lower"),),
    _measure_fid,
    needs=frozenset({"inception"}),
)
