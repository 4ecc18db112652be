"""3x3 convolutions by Winograd's minimal filtering, in operators that every runtime has.

An m x m tile of the output needs an (m + 2)^2 tile of the input. Both, and the kernel, go through
small matrices (Lavin and Gray 2016, arXiv:1509.09308):

    Y = A^T [ (G g G^T) * (B^T d B) ] A

and the middle multiplies once per channel pair and transformed pixel: for m = 6 that is 64 products
for 36 outputs, where convolving takes 324. ONNX Runtime has no such convolution on CPUs.

Pixels are kept apart by their place in their tile, as [m, m, B, rows, columns, C]: then each
transform is one matrix product over everything else, and one convolution leaves the pixels as the
next one wants them. Each takes one tile more, along both sides, than it returns.

Shape suffixes: M m, N m + 2, B batch, C channels, T tiles along height and width, I O inputs and
outputs of a convolution.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

TILE = 6  # 4 needs more multiplications, 8 loses digits
_KERNEL = 3
_POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))


def matrices(tile: int = TILE) -> tuple[Tensor, Tensor, Tensor]:
    """A^T [m, m + 2], G [m + 2, 3] and B^T [m + 2, m + 2] by Toom and Cook's construction.

    Both polynomials are evaluated at m + 1 points and at infinity; B^T is the transposed inverse of
    the evaluation, with rows scaled to at most 1.
    """
    size = tile + _KERNEL - 1
    evaluate = torch.tensor(
        [[float(Fraction(p) ** power) for power in range(size)] for p in _POINTS[: size - 1]]
        + [[0.0] * (size - 1) + [1.0]],
        dtype=torch.float64,
    )

    def of_degree(terms: int) -> Tensor:
        points = evaluate[:, :terms].clone()
        points[-1] = 0
        points[-1, -1] = 1
        return points

    interpolate = torch.linalg.inv(evaluate).T
    scale = interpolate.abs().amax(1, keepdim=True)
    return of_degree(tile).T, of_degree(_KERNEL) * scale, interpolate / scale


class WinogradConv(nn.Module):
    """What a 3x3 convolution computes, pixels apart by their place in tiles."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        if conv.kernel_size != (_KERNEL, _KERNEL) or conv.stride != (1, 1) or conv.bias is None:
            raise ValueError(f"not a 3x3 convolution with stride 1 and a bias: {conv}")
        output, kernel, data = matrices()
        self.channels = (conv.in_channels, conv.out_channels)
        # The published numbers: a runtime transforms them once, when it loads the graph.
        self.weight = nn.Parameter(conv.weight.permute(2, 3, 1, 0).reshape(_KERNEL**2, -1))
        self.bias = nn.Parameter(conv.bias.clone())
        self.register_buffer("kernel", torch.kron(kernel, kernel).float())
        self.register_buffer("output", output.float())
        self.register_buffer("data", data.float())

    def forward(self, x_MMBTTC: Tensor) -> Tensor:
        """Convolve; returns one tile less along height and width."""
        size = TILE + _KERNEL - 1
        batch, rows, columns = x_MMBTTC.shape[2], x_MMBTTC.shape[3] - 1, x_MMBTTC.shape[4] - 1
        inputs, outputs = self.channels
        # A window is a tile and the first pixels of the next one: down, then to the right.
        overlap = _KERNEL - 1
        x = torch.cat([x_MMBTTC[:, :, :, :-1], x_MMBTTC[:overlap, :, :, 1:]], 0)
        x = (self.data @ x.reshape(size, -1)).reshape(size, TILE, batch, rows, columns + 1, inputs)
        x = torch.cat([x[:, :, :, :, :-1], x[:, :overlap, :, :, 1:]], 1)
        x = self.data @ x.reshape(size, size, -1)
        weight = (self.kernel @ self.weight).reshape(size**2, inputs, outputs)
        x = x.reshape(size**2, -1, inputs) @ weight
        x = self.output @ x.reshape(size, -1)
        x = self.output @ x.reshape(TILE, size, -1)
        return x.reshape(TILE, TILE, batch, rows, columns, outputs) + self.bias


def to_tiles(x_BCHW: Tensor) -> Tensor:
    """[B, C, T m, T m] -> [m, m, B, T, T, C]."""
    batch, channels, height, width = x_BCHW.shape
    tiles = x_BCHW.reshape(batch, channels, height // TILE, TILE, width // TILE, TILE)
    return tiles.permute(3, 5, 0, 2, 4, 1)


def from_tiles(x_MMBTTC: Tensor) -> Tensor:
    """[m, m, B, T, T, C] -> [B, T m, T m, C]: channels last."""
    _, _, batch, rows, columns, channels = x_MMBTTC.shape
    return x_MMBTTC.permute(2, 3, 0, 4, 1, 5).reshape(batch, rows * TILE, columns * TILE, channels)
