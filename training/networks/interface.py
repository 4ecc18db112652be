"""What sheets, metrics and weights files need of a generator, whatever its architecture.

Shape suffixes: B batch, C channels, H height, W width, Z latent dimensions, N flat noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from torch import Tensor, nn

# Psi of a served model that was exported without another one.
DEFAULT_TRUNCATION = 0.7


class NetworkShape(Protocol):
    """The sizes that all network configurations, which are dataclasses, have."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def resolution(self) -> int:
        """Side of the square image in pixels."""

    @property
    def image_channels(self) -> int:
        """3 for RGB, 1 for grey."""

    @property
    def z_dim(self) -> int:
        """Dimensions of the latent z."""

    @property
    def noise_size(self) -> int:
        """Length of the flat noise vector; 0 for networks without noise inputs."""


class ImageGenerator(nn.Module, ABC):
    """z -> image.

    Attributes:
        kind: name of the architecture, as options, weights files and model cards tell it.
        supports_truncation: whether `sample` takes a psi other than 1.
        config: sizes; decides which tensors the network holds.
    """

    kind: ClassVar[str]
    supports_truncation: ClassVar[bool]
    config: NetworkShape

    @abstractmethod
    def sample(
        self,
        z_BZ: Tensor,
        truncation: float = 1.0,
        noise_BN: Tensor | None = None,
        resolution: int | None = None,
    ) -> Tensor:
        """Draw one image per z; an image does not depend on the other ones of the batch.

        Args:
            z_BZ: standard normal latents.
            truncation: psi; 1 leaves the latents as they are.
            noise_BN: flat noise; none adds no noise.
            resolution: of a network that is still growing; the full one by default.

        Returns:
            float [B, C, H, W], nominally in [-1, 1].

        Raises:
            ValueError: the network has no truncation, and psi is not 1.
        """

    @abstractmethod
    def calibrate(self) -> None:
        """Set the statistics that drawing needs and training does not keep, from fixed latents."""
