"""UpConv7 as it is served on CPUs: the same numbers in half the time.

The wide convolutions, 93 % of the work, go by Winograd's algorithm; the transposed convolution is a
matrix product whose results are added where they overlap, before anything leaves the tiles.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from training.upscaling.network import Upscaler
from training.upscaling.waifu2x.networks import UpConv7, leaky
from training.upscaling.winograd import TILE, WinogradConv, from_tiles, to_tiles


class FastUpConv7(Upscaler):
    """Takes and returns what `UpConv7` does, to some 1e-5 of a level in 255."""

    def __init__(self, network: UpConv7) -> None:
        super().__init__()
        self.scale, self.margin = network.scale, network.margin
        self.narrow = nn.ModuleList([network.conv1, network.conv2, network.conv3])
        wide = (network.conv4, network.conv5, network.conv6)
        self.wide = nn.ModuleList([WinogradConv(conv) for conv in wide])
        self.enlarge = Overlapping(network.conv7)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Filter, then enlarge."""
        height, width = (size - 2 * self.margin for size in rgb_BCHW.shape[2:])
        below, right = self._filler(height), self._filler(width)
        h_BCHW = F.pad(rgb_BCHW, (0, right, 0, below))  # what is computed from it is cut off
        for conv in self.narrow:
            h_BCHW = leaky(conv(h_BCHW))
        h = to_tiles(h_BCHW)
        for conv in self.wide:
            h = leaky(conv(h))
        return self.enlarge(h, height, width)

    def _filler(self, size: int) -> int:
        """Pixels that are missing to whole tiles: each wide convolution loses one."""
        tiles = (size + 2 + TILE - 1) // TILE + len(self.wide)
        return tiles * TILE + 2 * len(self.narrow) - size - 2 * self.margin


class Overlapping(nn.Module):
    """The transposed convolution, 4x4 with stride 2 and padding 3.

    Every pixel adds 4x4 pixels to the result. Taken as 2x2 blocks of 2x2, the blocks of neighbours
    coincide: two sums, and the result is there.
    """

    def __init__(self, conv: nn.ConvTranspose2d) -> None:
        super().__init__()
        if (conv.kernel_size, conv.stride, conv.padding) != ((4, 4), (2, 2), (3, 3)):
            raise ValueError(f"not 4x4 with stride 2 and padding 3: {conv}")
        if conv.bias is None:
            raise ValueError(f"without a bias: {conv}")
        # [I, O, row block, row, column block, column] -> [I, (row block, column block, row, ...)]
        blocks = conv.weight.reshape(conv.in_channels, conv.out_channels, 2, 2, 2, 2)
        weight = blocks.permute(0, 2, 4, 3, 5, 1).reshape(conv.in_channels, -1)
        self.weight = nn.Parameter(weight.contiguous())
        self.bias = nn.Parameter(conv.bias.clone())

    def forward(self, h_MMBTTC: Tensor, height: int, width: int) -> Tensor:
        """Tiles of at least (height + 2) x (width + 2) pixels -> RGB [B, 3, 2 height, 2 width]."""
        patches = from_tiles(h_MMBTTC @ self.weight)
        batch, rows, columns, _ = patches.shape
        patches = patches.reshape(batch, rows, columns, 2, 2, 12)
        blocks = patches[:, 1 : height + 2, :, 0] + patches[:, : height + 1, :, 1]
        blocks = blocks[:, :, 1 : width + 2, 0] + blocks[:, :, : width + 1, 1]
        blocks = blocks.reshape(batch, height + 1, width + 1, 2, 2, 3).permute(0, 5, 1, 3, 2, 4)
        rgb = blocks.reshape(batch, 3, 2 * height + 2, 2 * width + 2)
        return rgb[:, :, 1:-1, 1:-1] + self.bias[:, None, None]
