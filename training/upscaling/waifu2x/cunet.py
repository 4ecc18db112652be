"""CUNet, two cascaded U-nets: modules are declared in the order in which ncnn's file has them.

Nagadomi's best network for drawings. The second U-net corrects what the first one made. Down and up
go 2x2 convolutions with stride 2, so the sizes must divide: by 2 before the first U-net and by 4
before the second, which sees the enlarged picture if the first one enlarges.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

from training.upscaling.network import Upscaler
from training.upscaling.waifu2x.networks import SqueezeExcitation, cropped, leaky


class UNetConv(nn.Module):
    """Two 3x3 convolutions, then the channels weighed, if at all."""

    def __init__(self, before: int, between: int, after: int, weighs: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, between, 3)
        self.conv2 = nn.Conv2d(between, after, 3)
        self.weigh = SqueezeExcitation(after, reduction=8) if weighs else nn.Identity()

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """The result is 4 pixels smaller."""
        result: Tensor = self.weigh(leaky(self.conv2(leaky(self.conv1(h_BCHW)))))
        return result


class UNet1(nn.Module):
    """One level down and up; it enlarges if `scale` is 2."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.conv1 = UNetConv(3, 32, 64, weighs=False)
        self.conv1_down = nn.Conv2d(64, 64, 2, stride=2)
        self.conv2 = UNetConv(64, 128, 64, weighs=True)
        self.conv2_up = nn.ConvTranspose2d(64, 64, 2, stride=2)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.conv_bottom = (
            nn.Conv2d(64, 3, 3) if scale == 1 else nn.ConvTranspose2d(64, 3, 4, stride=2, padding=3)
        )

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """The result is 16 pixels smaller than the input, and then enlarged."""
        full = self.conv1(rgb_BCHW)
        half = self.conv2(leaky(self.conv1_down(full)))
        joined = cropped(full, 4) + leaky(self.conv2_up(half))
        result: Tensor = self.conv_bottom(leaky(self.conv3(joined)))
        return result


class UNet2(nn.Module):
    """Two levels down and up, at one size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = UNetConv(3, 32, 64, weighs=False)
        self.conv1_down = nn.Conv2d(64, 64, 2, stride=2)
        self.conv2 = UNetConv(64, 64, 128, weighs=True)
        self.conv2_down = nn.Conv2d(128, 128, 2, stride=2)
        self.conv3 = UNetConv(128, 256, 128, weighs=True)
        self.conv3_up = nn.ConvTranspose2d(128, 128, 2, stride=2)
        self.conv4 = UNetConv(128, 64, 64, weighs=True)
        self.conv4_up = nn.ConvTranspose2d(64, 64, 2, stride=2)
        self.conv5 = nn.Conv2d(64, 64, 3)
        self.conv_bottom = nn.Conv2d(64, 3, 3)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """The result is 40 pixels smaller."""
        full = self.conv1(rgb_BCHW)
        half = self.conv2(leaky(self.conv1_down(full)))
        quarter = self.conv3(leaky(self.conv2_down(half)))
        half = self.conv4(cropped(half, 4) + leaky(self.conv3_up(quarter)))
        joined = cropped(full, 16) + leaky(self.conv4_up(half))
        result: Tensor = self.conv_bottom(leaky(self.conv5(joined)))
        return result


class CUNet(Upscaler):
    """The second U-net corrects the first one's picture."""

    pools_globally = True

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        # 8 pixels for the first U-net and 20 of its output for the second.
        self.margin = 8 + 20 // scale
        self.multiple = 4 // scale
        self.unet1 = UNet1(scale)
        self.unet2 = UNet2()

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Enlarge, then correct."""
        first = self.unet1(rgb_BCHW)
        result: Tensor = cropped(first, 20) + self.unet2(first)
        return result
