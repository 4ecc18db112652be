"""Frechet distance between two Gaussians fitted to features (Heusel et al. 2017, arXiv:1706.08500).

    |mean_x - mean_y|^2 + tr(C_x) + tr(C_y) - 2 tr((C_x C_y)^(1/2))

It is biased: the fewer images, the larger. Compare it only between equal numbers of images, and
with its own floor of real against real.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.metrics.score import Features, Score


def frechet_distance(real_ND: Features, generated_MD: Features, _seed: int = 0) -> Score:
    """Measure the Frechet distance; it has no interval.

    With C = R'R, where R comes from a QR decomposition of the centred features, the last trace is
    the nuclear norm of R_x R_y': no square root of a product of matrices, which is the numerically
    weak step of the usual implementation.

    Raises:
        ValueError: a set has fewer than 2 images.
    """
    x, y = real_ND.astype(np.float64), generated_MD.astype(np.float64)
    if min(len(x), len(y)) < 2:
        raise ValueError("the Frechet distance needs at least 2 images in each set")
    root_x, root_y = _covariance_root(x), _covariance_root(y)
    means = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    traces = np.square(root_x).sum() + np.square(root_y).sum()
    return Score(float(means + traces - 2 * np.linalg.norm(root_x @ root_y.T, "nuc")))


def _covariance_root(x_ND: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix R, [min(N, D), D], with R'R = the covariance."""
    centred = x_ND - x_ND.mean(axis=0)
    root: NDArray[np.float64] = np.linalg.qr(centred, mode="r") / np.sqrt(len(x_ND) - 1)
    return root
