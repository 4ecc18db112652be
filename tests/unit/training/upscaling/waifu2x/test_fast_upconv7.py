"""The faster way to compute upconv7, against PyTorch's own convolutions."""

import pytest
import torch
from torch import nn

from training.upscaling.waifu2x.fast_upconv7 import FastUpConv7, Overlapping
from training.upscaling.waifu2x.networks import UpConv7
from training.upscaling.winograd import TILE, WinogradConv, from_tiles, matrices, to_tiles


@pytest.mark.parametrize("tile", [2, 4, TILE])
def test_the_matrices_convolve(tile):
    """In one dimension, with every pair of unit vectors: all there is to a bilinear map."""
    output, kernel, data = matrices(tile)
    signals, taps = torch.eye(tile + 2).double(), torch.eye(3).double()
    for signal in signals:
        for tap in taps:
            expected = torch.stack([signal[i : i + 3] @ tap for i in range(tile)])
            result = output @ ((kernel @ tap) * (data @ signal))
            torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


def test_a_convolution_in_tiles_equals_pytorchs():
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 7, 3)
    x_BCHW = torch.rand(2, 5, 4 * TILE, 3 * TILE)
    with torch.no_grad():
        result = from_tiles(WinogradConv(conv)(to_tiles(x_BCHW))).permute(0, 3, 1, 2)
        expected = conv(x_BCHW)[:, :, : 3 * TILE, : 2 * TILE]
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("height, width", [(1, 1), (1, 19), (6, 5), (12, 30)])
def test_the_network_computes_the_same(height, width):
    torch.manual_seed(0)
    network = UpConv7().eval()
    margin = network.margin
    rgb_BCHW = torch.rand(2, 3, height + 2 * margin, width + 2 * margin)
    with torch.no_grad():
        result, expected = FastUpConv7(network)(rgb_BCHW), network(rgb_BCHW)
    assert result.shape == (2, 3, 2 * height, 2 * width)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "conv", [nn.Conv2d(3, 4, 5), nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(3, 4, 3, bias=False)]
)
def test_other_convolutions_are_refused(conv):
    with pytest.raises(ValueError, match="not a 3x3 convolution with stride 1 and a bias"):
        WinogradConv(conv)


def test_other_transposed_convolutions_are_refused():
    with pytest.raises(ValueError, match="not 4x4 with stride 2 and padding 3"):
        Overlapping(nn.ConvTranspose2d(8, 3, 4, 2))
