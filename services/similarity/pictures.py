"""From a picture's file to pixels that can be compared with an index, and where a pair is alike.

The rules are those by which `anime-gan dataset import` makes training images, so that a training
picture finds itself. Names: H height, W width, C channels (1 grey, 3 RGB).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from animegan_search.ssim.definition import definition
from animegan_search.ssim.reference import ssim_map
from services.common.pictures.headers import (
    PictureError,
    PictureFile,
    Step,
    eight_bits,
    open_frame,
    orientation_of,
    upright,
)

THUMBNAIL_SIDE = 128

_PAPER = "white"  # what shows through where a picture is transparent
# Sixths of matplotlib's viridis (CC0): even steps of the scale are even steps of brightness.
_COLOURS = np.array(
    [(68, 1, 84), (68, 58, 131), (49, 104, 142), (33, 145, 140), (53, 183, 121), (144, 215, 67),
     (253, 231, 37)],
)  # fmt: skip
_SIDE = 256  # a heat map's shorter side, at least


@dataclass(frozen=True)
class Prepared:
    """A picture as it is compared."""

    pixels: NDArray[np.uint8]  # H, W, C of the index
    steps: Sequence[Step]


@dataclass(frozen=True)
class Explanation:
    """The SSIM map of a pair.

    Attributes:
        ssim: mean over all windows that lie wholly in the image, and over the channels.
        channel_ssim: the same for each channel, float64 [C].
        values: float32 [H, W, C], SSIM of the window around each pixel.
        heatmap: uint8 [h, w, 3], at least 256 pixels a side.
    """

    ssim: float
    channel_ssim: NDArray[np.float64]
    values: NDArray[np.float32]
    heatmap: NDArray[np.uint8]


def prepare(picture: PictureFile, shape: tuple[int, int, int]) -> Prepared:
    """Decode a picture and give it an index's shape (H, W, C).

    Raises:
        PictureError: the file is broken, or has levels without a known range.
    """
    steps: list[Step] = []
    try:
        image = open_frame(picture, steps)
        image = upright(image, orientation_of(image), steps)
        image = _rgb(image, steps, grey_wanted=shape[2] == 1)
    except PictureError:
        raise
    except Exception as error:  # a decoder fed with a broken file raises any type there is
        raise PictureError(f"cannot be decoded: {error}") from error
    image = _framed(image, width=shape[1], height=shape[0], steps=steps)
    pixels = np.asarray(image.convert("L") if shape[2] == 1 else image)
    return Prepared(pixels.reshape(shape), tuple(steps))


def thumbnails(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The images, made smaller where they are over THUMBNAIL_SIDE pixels wide or high."""
    _, height, width, channels = images_NHWC.shape
    scale = THUMBNAIL_SIDE / max(height, width)
    if scale >= 1:
        return images_NHWC
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [
        np.asarray(_image(image).resize(size, Image.Resampling.LANCZOS)) for image in images_NHWC
    ]
    return np.reshape(small, (len(images_NHWC), size[1], size[0], channels))


def explain(
    a_HWC: NDArray[np.uint8], b_HWC: NDArray[np.uint8], definition_name: str
) -> Explanation:
    """Compare two pictures of one shape, uint8."""
    wanted = definition(definition_name)
    values = ssim_map(a_HWC, b_HWC, wanted)
    margin = wanted.window // 2
    height, width, _ = values.shape
    channel_ssim = values[margin : height - margin, margin : width - margin].mean(axis=(0, 1))
    return Explanation(
        ssim=float(channel_ssim.mean()),
        channel_ssim=channel_ssim,
        values=values.astype(np.float32),
        heatmap=_heatmap(values.mean(axis=2)),
    )


def _image(image_HWC: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)


def _rgb(image: Image.Image, steps: list[Step], *, grey_wanted: bool) -> Image.Image:
    """Eight-bit RGB on white; notes CONVERTED where the index's kind of pixels is another one."""
    colours = image.mode.removesuffix("A") if image.mode in ("RGBA", "LA") else image.mode
    image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            steps.append(Step.FLATTENED)
            image = Image.alpha_composite(Image.new("RGBA", image.size, _PAPER), image)
    if colours != ("L" if grey_wanted else "RGB"):
        steps.append(Step.CONVERTED)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 0 .. 65535 to 0 .. 255; Pillow's own conversion would clip at 255.

    Raises:
        PictureError: levels of more than 16 bits, or floating-point ones.
    """
    if image.mode == "F":
        raise PictureError("floating-point levels have no known range; send 8 bits")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    levels = np.asarray(image)
    if levels.min() < 0 or levels.max() > 65535:
        raise PictureError("levels of more than 16 bits have no known range; send 8 bits")
    return Image.fromarray(eight_bits(levels))


def _framed(image: Image.Image, *, width: int, height: int, steps: list[Step]) -> Image.Image:
    """Cut the middle out and resize it."""
    left, top, right, bottom = _middle(image.width, image.height, width / height)
    if (right - left, bottom - top) != image.size:
        steps.append(Step.CROPPED)
        image = image.crop((left, top, right, bottom))
    if image.size != (width, height):
        steps.append(Step.RESIZED)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image


def _middle(width: int, height: int, aspect: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the largest box of an aspect ratio (width / height)."""
    box_width = min(width, max(1, round(height * aspect)))
    box_height = min(height, max(1, round(width / aspect)))
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


def _heatmap(values_HW: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours for values from 0 or less (dark violet) to 1 (yellow), enlarged by whole pixels."""
    places = np.clip(values_HW, 0, 1) * (len(_COLOURS) - 1)
    steps = np.arange(len(_COLOURS))
    channels = [np.interp(places, steps, _COLOURS[:, channel]) for channel in range(3)]
    image = np.rint(np.stack(channels, axis=2)).astype(np.uint8)
    factor = -(-_SIDE // min(values_HW.shape))
    return np.kron(image, np.ones((factor, factor, 1), np.uint8))
