"""The networks of waifu2x in PyTorch, each with the names of its published weights.

VGG7, UpConv7 and UpResNet10; cunet.py has the fourth. Modules are called as in waifu2x-chainer
(tsurumeso), whose files name them, and declared in the order in which ncnn's files have them.

All convolutions are valid: a network takes a picture with `margin` more pixels on each side than it
answers for, so its caller decides what lies beyond the border.

Shape suffixes: B batch, C channels, H height, W width, all of the network's input or output.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.upscaling.network import Upscaler

SLOPE = 0.1  # of every leaky ReLU


def leaky(x_BCHW: Tensor) -> Tensor:
    """The activation between all layers."""
    return F.leaky_relu(x_BCHW, SLOPE)


def cropped(x_BCHW: Tensor, pixels: int) -> Tensor:
    """Take `pixels` away from every side."""
    return x_BCHW[:, :, pixels:-pixels, pixels:-pixels]


class VGG7(Upscaler):
    """Seven 3x3 convolutions; it removes noise, or sharpens what nearest neighbours enlarged."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        # 7 pixels of its own input; enlarged twice first, these are 3.5 of the picture.
        self.scale, self.margin = scale, 7 if scale == 1 else 4
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.conv2 = nn.Conv2d(32, 32, 3)
        self.conv3 = nn.Conv2d(32, 64, 3)
        self.conv4 = nn.Conv2d(64, 64, 3)
        self.conv5 = nn.Conv2d(64, 128, 3)
        self.conv6 = nn.Conv2d(128, 128, 3)
        self.conv7 = nn.Conv2d(128, 3, 3)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Enlarge by nearest neighbours if scale is 2, then filter."""
        h = rgb_BCHW
        if self.scale == 2:
            h = cropped(F.interpolate(h, scale_factor=2, mode="nearest"), 1)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, self.conv6):
            h = leaky(conv(h))
        result: Tensor = self.conv7(h)
        return result


class DenoisingVGG7(Upscaler):
    """Noise is removed first and the clean picture enlarged, as the original does."""

    def __init__(self) -> None:
        super().__init__()
        self.denoise, self.enlarge = VGG7(scale=1), VGG7(scale=2)
        self.scale, self.margin = 2, self.denoise.margin + self.enlarge.margin

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Values outside [0, 1] do not pass from the first network to the second."""
        result: Tensor = self.enlarge(self.denoise(rgb_BCHW).clamp(0, 1))
        return result


class UpConv7(Upscaler):
    """Six 3x3 convolutions and a transposed one; all work is done at the small size.

    nagadomi's: waifu2x-chainer's has 256 channels after conv5, costs nearly twice as much and is
    no better (docs/upscaling/models.md).
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.margin = 2, 7
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.conv3 = nn.Conv2d(32, 64, 3)
        self.conv4 = nn.Conv2d(64, 128, 3)
        self.conv5 = nn.Conv2d(128, 128, 3)
        self.conv6 = nn.Conv2d(128, 256, 3)
        self.conv7 = nn.ConvTranspose2d(256, 3, 4, stride=2, padding=3)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Filter, then enlarge."""
        h = rgb_BCHW
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, self.conv6):
            h = leaky(conv(h))
        result: Tensor = self.conv7(h)
        return result


class SqueezeExcitation(nn.Module):
    """Weighs each channel by a function of all channels' means over the whole picture."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """Multiply each channel by its weight."""
        # At once over both axes ONNX Runtime is slow where it keeps channels last.
        mean_BC = h_BCHW.mean(3).mean(2)
        weight_BC = torch.sigmoid(self.fc2(F.relu(self.fc1(mean_BC))))
        return h_BCHW * weight_BC[:, :, None, None]


class ResBlock(SqueezeExcitation):
    """Two convolutions, their channels weighed, and the way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, reduction=4)
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """The result is 4 pixels smaller."""
        return super().forward(leaky(self.conv2(leaky(self.conv1(h_BCHW))))) + cropped(h_BCHW, 2)


class UpResNet10(Upscaler):
    """Five residual blocks with squeeze-and-excitation and a transposed convolution."""

    pools_globally = True

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.margin = 2, 13
        self.conv_pre = nn.Conv2d(3, 64, 3)
        self.res1 = ResBlock(64)
        self.res2 = ResBlock(64)
        self.res3 = ResBlock(64)
        self.res4 = ResBlock(64)
        self.res5 = ResBlock(64)
        self.conv_bridge = nn.Conv2d(64, 64, 3)
        self.conv_post = nn.ConvTranspose2d(64, 3, 4, stride=2, padding=3, bias=False)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Filter, then enlarge."""
        h = bridge = leaky(self.conv_pre(rgb_BCHW))
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            h = block(h)
        result: Tensor = self.conv_post(leaky(self.conv_bridge(h)) + cropped(bridge, 11))
        return result
