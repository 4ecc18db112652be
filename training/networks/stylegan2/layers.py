"""The layers that StyleGAN2 is made of.

Shape suffixes: B batch, C channels, H height, W width, I input and O output features.

Under autocast to bfloat16, what is cheap and small stays in float32: `in_float32` tells why.

All weights have unit variance and are scaled when they are used ("equalised learning rate", Karras
et al. 2018, section 4.1). Leaky ReLU's gain is folded into the scale of the layer that follows,
which saves one pass over every feature map.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
# He et al. 2015: keeps the variance of a signal that comes out of a leaky ReLU.
LEAKY_GAIN = math.sqrt(2 / (1 + LEAKY_SLOPE**2))
# Images that the discriminator compares with each other; StyleGAN2 takes 4 as well.
DEVIATION_GROUP = 4

# Up to this side all of the generator stays in float32, and all of the discriminator from half of
# it on. Karras et al. 2020, appendix C, take half precision at the four largest sides only.
FLOAT32_SIDE = 16


def in_float32(x: Tensor) -> torch.autocast:
    """A context without autocast; what goes in must be float32 already.

    A rounding error made at 4 px is in every pixel of the picture, and avoiding it costs next to
    nothing. Rounding at 64 px shows in a pixel or two and is where the time goes. Measured in
    docs/training/stylegan.md.
    """
    return torch.autocast(x.device.type, enabled=False)


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2, without a gain."""
    return F.leaky_relu(x, LEAKY_SLOPE)


def smoothed(weight_OI33: Tensor) -> Tensor:
    """Convolve 3x3 kernels with a box of 2x2 ones: [O, I, 3, 3] -> [O, I, 4, 4].

    A transposed convolution of stride 2 with the result doubles every pixel and then convolves; a
    convolution of stride 2 with a quarter of it convolves and then averages (Karras et al. 2018
    do so). All phases of the fine grid get the same sum of weights, so that a plain area stays
    plain, where 4x4 weights of their own must learn to leave no checkerboard.
    """
    padded = F.pad(weight_OI33, (1, 1, 1, 1))
    upper, lower = padded[..., :-1, :], padded[..., 1:, :]
    rows = upper + lower
    return rows[..., :-1] + rows[..., 1:]


class EqualizedLinear(nn.Module):
    """Dense layer, [B, I] -> [B, O].

    Args:
        inputs: I.
        outputs: O.
        gain: gain of the activation that comes before this layer.
        bias: initial value of every bias.
        lr_multiplier: how much slower than the others this layer learns.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        gain: float = 1.0,
        bias: float = 0.0,
        lr_multiplier: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight_OI = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias_O = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.weight_scale = gain * lr_multiplier / math.sqrt(inputs)
        self.bias_scale = lr_multiplier

    def forward(self, x_BI: Tensor) -> Tensor:
        """Apply the layer."""
        return F.linear(x_BI, self.weight_OI * self.weight_scale, self.bias_O * self.bias_scale)


class EqualizedConv2d(nn.Module):
    """Convolution with "same" padding, [B, I, H, W] -> [B, O, H, W] (half the size with `down`).

    Args:
        inputs: I.
        outputs: O.
        kernel: side of the kernel; with `down` it must be even.
        gain: gain of the activation that comes before this layer.
        bias: whether to add one.
        down: halve the resolution with stride 2.
        smooth: learn a 3x3 kernel instead of a 4x4 one with `down`; see `smoothed`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        gain: float = 1.0,
        bias: bool = True,
        down: bool = False,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.smooth = down and smooth
        self.padding = (kernel - 1) // 2
        kernel = 3 if self.smooth else kernel
        self.weight_OIHW = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias_O = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / math.sqrt(inputs * kernel * kernel)
        self.stride = 2 if down else 1

    def forward(self, x_BIHW: Tensor) -> Tensor:
        """Apply the layer."""
        weight = self.weight_OIHW * self.scale
        if self.smooth:
            weight = smoothed(weight) / 4
        return F.conv2d(x_BIHW, weight, self.bias_O, stride=self.stride, padding=self.padding)


class ModulatedConv2d(nn.Module):
    """Convolution whose inputs are scaled by a style (StyleGAN2, section 2.2 and equation 3).

    The style multiplies the activations and the demodulation multiplies the result, which equals
    scaling the weights for each image, needs no grouped convolution (ONNX fixes the number of
    groups, hence the batch) and is faster on a CPU.

    With `up` the resolution doubles by a 4x4 transposed convolution of stride 2. The paper
    upsamples by a 3x3 one and a fixed blur, which costs more than twice as much.

    Args:
        inputs: I.
        outputs: O.
        kernel: side of the kernel; ignored with `up`.
        w_dim: dimensions of w.
        demodulate: whether to restore unit variance per output channel.
        up: double the resolution.
        smooth: learn a 3x3 kernel instead of a 4x4 one with `up`; see `smoothed`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        w_dim: int,
        *,
        demodulate: bool = True,
        up: bool = False,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.smooth = up, up and smooth
        # Of a 4x4 kernel's taps a quarter reaches each output pixel, of a 3x3 one's all do.
        self.phases = 4 if up and not smooth else 1
        if up:
            kernel = 3 if smooth else 4
        self.style = EqualizedLinear(w_dim, inputs, bias=1.0, gain=LEAKY_GAIN)
        self.weight_OIHW = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.scale = LEAKY_GAIN / math.sqrt(inputs * kernel * kernel / self.phases)
        self.demodulate = demodulate

    def forward(self, x_BIHW: Tensor, w_BW: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the convolved features and the demodulation [B, O, 1, 1] yet to multiply them."""
        weight = self.weight_OIHW * self.scale
        with in_float32(w_BW):
            style_BI = self.style(w_BW.float())
            demodulation = self._demodulation(style_BI) if self.demodulate else None
        x_BIHW = x_BIHW * style_BI[:, :, None, None].to(x_BIHW.dtype)
        if self.up:
            weight = smoothed(weight) if self.smooth else weight
            x_BIHW = F.conv_transpose2d(x_BIHW, weight.transpose(0, 1), stride=2, padding=1)
            return x_BIHW, demodulation
        return F.conv2d(x_BIHW, weight, padding=weight.shape[-1] // 2), demodulation

    def _demodulation(self, style_BI: Tensor) -> Tensor:
        """1 / (expected standard deviation of each output channel), [B, O, 1, 1], in float32."""
        scale = self.scale / LEAKY_GAIN
        energy_OI = self.weight_OIHW.float().square().sum(dim=(2, 3)) * (scale**2 / self.phases)
        variance_BO = style_BI.square() @ energy_OI.t()
        return torch.rsqrt(variance_BO + 1e-8)[:, :, None, None]


def minibatch_deviation(x_BCHW: Tensor, group: int = DEVIATION_GROUP) -> Tensor:
    """Append one feature map: the mean deviation over groups of images (Karras et al. 2018).

    Args:
        x_BCHW: features; a batch that `group` does not divide forms one single group.
        group: images that are compared with each other.

    Returns:
        Features [B, C + 1, H, W].
    """
    batch, channels, height, width = x_BCHW.shape
    group = group if batch % group == 0 else batch
    grouped = x_BCHW.float().reshape(group, batch // group, channels, height, width)
    deviation = (grouped.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    plane = deviation.repeat(group)[:, None, None, None].expand(-1, 1, height, width)
    return torch.cat([x_BCHW, plane.to(x_BCHW.dtype)], dim=1)
