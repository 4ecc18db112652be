"""What exporting and serving need of a network that enlarges, whatever its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Upscaler(nn.Module, ABC):
    """RGB [B, 3, H + 2 margin, W + 2 margin] -> RGB [B, 3, scale H, scale W], both in [0, 1].

    Attributes:
        scale: output pixels per input pixel, along each side.
        margin: input pixels beyond a tile that the tile's output depends on.
        multiple: height and width, margins included, must be multiples of it. A tile computes what
            the whole picture does only if it begins at a multiple of it, too.
        is_light: whether its activations are so small that two instances with a thread each are no
            burden: small pictures gain from them. Others have one, with a thread per core.
        pools_globally: whether every output pixel depends on the mean of the whole input, so that
            tiles differ from the whole picture.
    """

    scale: int
    margin: int
    multiple: int = 1
    is_light: ClassVar[bool] = False
    pools_globally: ClassVar[bool] = False

    @abstractmethod
    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Enlarge; the result may leave [0, 1] a little."""
