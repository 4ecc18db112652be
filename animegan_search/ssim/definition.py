"""The two definitions of SSIM that an index can have; both are scikit-image's.

Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
similarity", 2004, equation 13, with K1 = 0.01, K2 = 0.03 and a data range of 255, averaged over
all windows that lie wholly in the image and over the channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DATA_RANGE = 255
C1, C2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2


# exp(-(x / 1.5)^2 / 2) for x = -5 to 0, over the sum of all eleven. As constants: the last bit of
# `exp` differs between processors and releases of NumPy, and with it that of every score.
_GAUSSIAN_TAPS = tuple(
    map(
        float.fromhex,
        (
            "0x1.0d956b52a1d6cp-10",
            "0x1.f1fe01ae5a5b9p-8",
            "0x1.26eb175d83f65p-5",
            "0x1.bff0fe8e98418p-4",
            "0x1.b43c3f52b19f2p-3",
            "0x1.106560aa892c0p-2",
        ),
    )
)


class UnknownDefinitionError(ValueError):
    """No SSIM of this name is known."""


@dataclass(frozen=True)
class Definition:
    """One SSIM. Scores of different definitions are never compared.

    Attributes:
        name: what indexes and requests call it.
        window: side of a window in pixels.
        sigma: standard deviation of the Gaussian weights in pixels; None: all weights are equal.
        sample_covariance: divide by n - 1 (scikit-image's default) and not by n.
        tolerance: largest error of a score of the float32 scan; ranks are decided in float64.
    """

    name: str
    window: int
    sigma: float | None
    sample_covariance: bool
    tolerance: float

    @property
    def taps(self) -> NDArray[np.float64]:
        """Weights of a window along one axis, [window]; they sum to 1 and are symmetric."""
        if self.sigma is None:
            return np.full(self.window, 1 / self.window)
        return np.array([*_GAUSSIAN_TAPS, *_GAUSSIAN_TAPS[-2::-1]])

    @property
    def normaliser(self) -> float:
        """What the population covariance is multiplied by: n / (n - 1), or 1."""
        pixels = self.window**2
        return pixels / (pixels - 1) if self.sample_covariance else 1.0

    def windows(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of windows in an image.

        Raises:
            ValueError: no window fits.
        """
        if min(height, width) < self.window:
            raise ValueError(
                f"{self.name} needs images of at least {self.window}x{self.window} pixels, "
                f"got {width}x{height}"
            )
        return height - self.window + 1, width - self.window + 1


# scikit-image's default.
UNIFORM7 = Definition("uniform7", 7, None, sample_covariance=True, tolerance=1e-6)
# Wang et al.: scikit-image with gaussian_weights, sigma 1.5 and use_sample_covariance=False.
GAUSSIAN = Definition("gaussian", 11, 1.5, sample_covariance=False, tolerance=1e-5)

DEFINITIONS = {definition.name: definition for definition in (UNIFORM7, GAUSSIAN)}


def definition(name: str) -> Definition:
    """The definition of this name.

    Raises:
        UnknownDefinitionError: there is none.
    """
    try:
        return DEFINITIONS[name]
    except KeyError:
        known = ", ".join(DEFINITIONS)
        raise UnknownDefinitionError(f"no SSIM is called {name!r}; known are {known}") from None
