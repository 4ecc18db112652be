"""From the bytes of a picture's file to eight-bit RGB."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from training.datasets.importing.source import UnusablePictureError

# A closed list: Pillow also opens formats that start other programs (EPS) or are seldom tested.
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
DEFAULT_MAX_PIXELS = 50_000_000
PAPER = "white"
"""What shows through where a picture is transparent."""


def decode(content: bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """Decode the first frame of a picture, upright, flattened on white.

    Colour profiles are not applied: pixels count as sRGB, as nearly all of them are.

    Args:
        content: The file.
        max_pixels: Larger pictures are refused by their header, before anything is decoded.

    Returns:
        An image of mode RGB.

    Raises:
        UnusablePictureError: broken, cut short, too large, or of an unknown format.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata, which do not matter here, and of its own size limit.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise UnusablePictureError(f"{pixels} pixels are more than {max_pixels}")
            return _to_rgb(ImageOps.exif_transpose(image))
    except UnusablePictureError:
        raise
    except UnidentifiedImageError as error:
        raise UnusablePictureError("broken, or of an unknown format") from error
    except Exception as error:
        # A decoder fed with a broken file raises what its parser stumbled over: any type there is.
        raise UnusablePictureError(f"cannot be decoded: {error}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _from_16_bits(image)
    elif image.mode == "F":
        raise UnusablePictureError("floating-point levels have no known range")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, PAPER)
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scale 0 .. 65535 to 0 .. 255; Pillow's own conversion would clip at 255."""
    levels = np.asarray(image).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65535:
        raise UnusablePictureError("levels of more than 16 bits have no known range")
    return Image.fromarray(((levels + 128) // 257).astype(np.uint8))
