"""Inception-V3 as the FID was defined with: TensorFlow's network of 2015-12-05, pooled features.

Architecture: Szegedy et al. 2015, arXiv:1512.00567. The FID's network departs from the well-known
torchvision one: average pooling leaves the padding out, the last block pools by maximum, images
are resized as TensorFlow 1 did (bilinear, no antialiasing, corners aligned at 0) and scaled by
(level - 128) / 128. These departures and the names of the tensors are described by torch-fidelity
(Apache-2.0), which a test compares this network with; the code is our own.

The weights are not part of this project and are never downloaded: the user supplies the file
pt_inception-2015-12-05-6726825d.pth (95,628,359 bytes), as published with pytorch-fid and, under
another name, with torch-fidelity.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.features.extraction import Extractor, folded

NAME = "Inception-V3"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
FEATURES = 2048
INPUT_SIDE = 299
DEFINITION = f"{SHA256} bilinear-tf1 299 (level-128)/128 pooled"


class Convolution(nn.Module):
    """Convolution, folded batch normalisation, ReLU: [B, I, H, W] -> [B, O, H, W]."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, tensors: Mapping[str, Tensor], name: str, *, stride: int = 1, same: bool = True
    ) -> None:
        super().__init__()
        weight, bias = folded(tensors, f"{name}.conv", f"{name}.bn")
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stride = stride
        self.padding = [side // 2 for side in weight.shape[2:]] if same else [0, 0]

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return F.relu_(F.conv2d(x, self.weight, self.bias, self.stride, self.padding))


class Fork(nn.Module):
    """Branches side by side; their channels are joined."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """[B, I, H, W] -> [B, sum of O, H, W]."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Inception(nn.Module):
    """Levels 0..255 [B, H, W, C], C = 1 or 3 -> features float32 [B, 2048]."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        conv = partial(Convolution, tensors)
        self.layers = nn.Sequential(
            conv("Conv2d_1a_3x3", stride=2, same=False),
            conv("Conv2d_2a_3x3", same=False),
            conv("Conv2d_2b_3x3"),
            nn.MaxPool2d(3, 2),
            conv("Conv2d_3b_1x1"),
            conv("Conv2d_4a_3x3", same=False),
            nn.MaxPool2d(3, 2),
            *(_block_35(_within(conv, f"Mixed_5{letter}")) for letter in "bcd"),
            _block_35_to_17(_within(conv, "Mixed_6a")),
            *(_block_17(_within(conv, f"Mixed_6{letter}")) for letter in "bcde"),
            _block_17_to_8(_within(conv, "Mixed_7a")),
            _block_8(_within(conv, "Mixed_7b"), _average()),
            _block_8(_within(conv, "Mixed_7c"), nn.MaxPool2d(3, 1, 1)),
        )

    def forward(self, levels_BHWC: Tensor) -> Tensor:
        """Resize to 299 px, run the network, average over the picture."""
        x = levels_BHWC.permute(0, 3, 1, 2).float().expand(-1, 3, -1, -1)
        features: Tensor = self.layers((resize(x) - 128) / 128)
        return features.mean(dim=(2, 3))


Build = Callable[..., nn.Module]


def _within(conv: Build, block: str) -> Build:
    """Build convolutions by their names within a block, in a row if there are several."""

    def build(*names: str, stride: int = 1, same: bool = True) -> nn.Module:
        """The last one has the stride and the padding."""
        layers = [conv(f"{block}.{name}") for name in names[:-1]]
        return nn.Sequential(*layers, conv(f"{block}.{names[-1]}", stride=stride, same=same))

    return build


def _average() -> nn.Module:
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False)


def _block_35(conv: Build) -> nn.Module:
    return Fork(
        conv("branch1x1"),
        conv("branch5x5_1", "branch5x5_2"),
        conv("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
        nn.Sequential(_average(), conv("branch_pool")),
    )


def _block_35_to_17(conv: Build) -> nn.Module:
    return Fork(
        conv("branch3x3", stride=2, same=False),
        conv("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", stride=2, same=False),
        nn.MaxPool2d(3, 2),
    )


def _block_17(conv: Build) -> nn.Module:
    return Fork(
        conv("branch1x1"),
        conv(*(f"branch7x7_{place}" for place in (1, 2, 3))),
        conv(*(f"branch7x7dbl_{place}" for place in (1, 2, 3, 4, 5))),
        nn.Sequential(_average(), conv("branch_pool")),
    )


def _block_17_to_8(conv: Build) -> nn.Module:
    return Fork(
        conv("branch3x3_1", "branch3x3_2", stride=2, same=False),
        conv(*(f"branch7x7x3_{place}" for place in (1, 2, 3, 4)), stride=2, same=False),
        nn.MaxPool2d(3, 2),
    )


def _block_8(conv: Build, pool: nn.Module) -> nn.Module:
    return Fork(
        conv("branch1x1"),
        nn.Sequential(conv("branch3x3_1"), Fork(conv("branch3x3_2a"), conv("branch3x3_2b"))),
        nn.Sequential(
            conv("branch3x3dbl_1", "branch3x3dbl_2"),
            Fork(conv("branch3x3dbl_3a"), conv("branch3x3dbl_3b")),
        ),
        nn.Sequential(pool, conv("branch_pool")),
    )


def resize(x_BCHW: Tensor) -> Tensor:
    """Bilinear as in TensorFlow 1: output pixel i lies at i * side / 299 of the input."""
    rows, columns = (_interpolation(side).to(x_BCHW) for side in x_BCHW.shape[2:])
    return rows @ x_BCHW @ columns.T


def _interpolation(side: int) -> Tensor:
    """Weights of `side` input pixels in each output pixel, [299, side]."""
    position = torch.arange(INPUT_SIDE, dtype=torch.float64) * side / INPUT_SIDE
    before = position.long()
    after = (before + 1).clamp(max=side - 1)
    share = (position - before)[:, None]
    return (1 - share) * F.one_hot(before, side) + share * F.one_hot(after, side)


def load_inception(path: Path) -> Inception:
    """Build the network from the user's weights file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is another file than the one that the FID is defined with.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise ValueError(
            f"--inception-weights: {path} has sha256 {digest[:16]}..., expected {SHA256[:16]}...: "
            "the FID needs pt_inception-2015-12-05-6726825d.pth"
        )
    return Inception(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)).eval()


def inception(path: Path, device: torch.device) -> Extractor:
    """The extractor of the FID; errors as in `load_inception`."""
    return Extractor(NAME, FEATURES, DEFINITION, load_inception(path).to(device), device)
