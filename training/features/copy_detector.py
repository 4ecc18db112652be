"""The copy detector that this project serves, on images as they lie in data sets.

Shape suffixes: B batch, C channels, H height, W width, E embedding.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.copy_detector_weights import SHIPPED, load_detector


class LevelsDetector(nn.Module):
    """Levels 0..255 [B, H, W, C] of any square size, C = 1 or 3 -> embedding [B, E] of unit length.

    Its thresholds were measured on colour images of its own side, 64 px; others are scaled to it
    (bicubic, antialiased).

    Raises:
        FileNotFoundError, WeightsError: its weights are missing or broken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network, _ = load_detector(SHIPPED)
        self.side = self.network.config.resolution
        self.size = self.network.config.embedding

    def forward(self, levels_BHWC: Tensor) -> Tensor:
        """Scale to [-1, 1] and to the network's side, and embed."""
        x = levels_BHWC.permute(0, 3, 1, 2).float() / 127.5 - 1
        x = x.expand(-1, 3, -1, -1)
        if x.shape[-1] != self.side:
            x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=True)
        embedding: Tensor = self.network(x)
        return embedding
