"""From a picture's file to pixels that can be compared with an index.

The rules are those by which `anime-gan dataset import` makes training images, so that a training
picture finds itself. Names: H height, W width, C channels (1 grey, 3 RGB).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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


@dataclass(frozen=True)
class Prepared:
    """A picture as it is compared."""

    pixels: NDArray[np.uint8]  # H, W, C of the index
    steps: Sequence[Step]


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
