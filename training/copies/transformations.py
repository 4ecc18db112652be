"""What the benchmark does to an image before it looks for the original: named, in three strengths.

Written with Pillow, apart from the copies that the network trains with (`training.copies.views`).
The network has never seen a picture with fewer levels, a seen-from-the-side, a screened or a framed
one: those rows tell how far it carries.

An image is RGB, square; random choices (where to cut, which way to turn) come from `random`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Random = np.random.Generator
Change = Callable[[Image.Image, float, Random], Image.Image]


@dataclass(frozen=True)
class Transformation:
    """One way of copying.

    Attributes:
        name: in tables.
        about: what the three values are.
        values: how much, mild to strong; one value where there is nothing to choose.
        change: does it.
        trained: whether the training's copies have something of the kind.
    """

    name: str
    about: str
    values: tuple[float, ...]
    change: Change
    trained: bool = True


def untouched(image: Image.Image, value: float, random: Random) -> Image.Image:
    """The image itself."""
    return image


def flip(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Left to right."""
    return ImageOps.mirror(image)


def crop(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Cut out a square with `value` of the side, anywhere, and enlarge it."""
    side = image.width
    window = round(side * value)
    left, top = random.integers(0, side - window + 1, 2).tolist()
    box = (left, top, left + window, top + window)
    return image.resize((side, side), Image.Resampling.BICUBIC, box=box)


def shift(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Move by `value` pixels along both axes; the border is drawn out."""
    x, y = (int(value) * random.choice([-1, 1], 2)).tolist()
    levels = np.asarray(image)
    rows = np.clip(np.arange(image.height) - y, 0, image.height - 1)
    columns = np.clip(np.arange(image.width) - x, 0, image.width - 1)
    return Image.fromarray(levels[rows][:, columns])


def turn(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Turn by `value` degrees one way or the other; corners are filled with the mean colour."""
    angle = value * random.choice([-1, 1])
    return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=mean_colour(image))


def hue(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Turn all hues by `value` degrees one way or the other."""
    h, s, v = image.convert("HSV").split()
    step = round(value / 360 * 256) * int(random.choice([-1, 1]))
    turned = Image.fromarray(((np.asarray(h).astype(np.int16) + step) % 256).astype(np.uint8))
    return Image.merge("HSV", (turned, s, v)).convert("RGB")


def light(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Brightness and contrast times `value` or divided by it, each its own way."""
    brightness, contrast = (value ** int(sign) for sign in random.choice([-1, 1], 2))
    return ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(brightness)).enhance(
        contrast
    )


def grey(image: Image.Image, value: float, random: Random) -> Image.Image:
    """No colour."""
    return ImageOps.grayscale(image).convert("RGB")


def jpeg(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Compress with quality `value`."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(value))
    return Image.open(file).convert("RGB")


def blur(image: Image.Image, value: float, random: Random) -> Image.Image:
    """A Gaussian of `value` pixels."""
    return image.filter(ImageFilter.GaussianBlur(value))


def noise(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Normal noise of `value` levels."""
    levels = np.asarray(image) + value * random.standard_normal((image.height, image.width, 3))
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def rescale(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Shrink to `value` of the side and enlarge again."""
    side = max(1, round(image.width * value))
    small = image.resize((side, side), Image.Resampling.LANCZOS)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def overlay(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Cover `value` of the area with a box of one colour, anywhere."""
    side = round(image.width * value**0.5)
    left, top = random.integers(0, image.width - side + 1, 2).tolist()
    colour = tuple(random.integers(0, 256, 3).tolist())
    result = image.copy()
    result.paste(colour, (left, top, left + side, top + side))
    return result


def caption(image: Image.Image, value: float, random: Random) -> Image.Image:
    """A black bar with white text over `value` of the height, at the bottom."""
    result = image.copy()
    height = round(image.height * value)
    top = image.height - height
    draw = ImageDraw.Draw(result)
    draw.rectangle((0, top, image.width, image.height), fill=(0, 0, 0))
    text = "".join(chr(code) for code in random.integers(97, 123, 9))
    draw.text((image.width / 2, top + height / 2), text, (255, 255, 255), anchor="mm")
    return result


def fewer_levels(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Only 2 to the power of `value` levels in each channel."""
    return ImageOps.posterize(image, int(value))


def perspective(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Seen from one side: two corners move in by `value` of the side."""
    side = image.width
    inset = value * side
    far = [(0, inset), (0, side - inset), (side, side), (side, 0)]
    if random.random() < 0.5:
        far = [(0, 0), (0, side), (side, side - inset), (side, inset)]
    corners = [coordinate for corner in far for coordinate in corner]
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


def frame(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Shrink into a frame of one colour that takes `value` of the side on each edge."""
    border = round(image.width * value)
    side = image.width - 2 * border
    colour = tuple(random.integers(0, 256, 3).tolist())
    small = image.resize((side, side), Image.Resampling.LANCZOS)
    return ImageOps.expand(small, border, colour)


def together(image: Image.Image, value: float, random: Random) -> Image.Image:
    """Flip, cut out, turn hues, and compress, all at once."""
    result = hue(crop(flip(image, 0, random), 1 - 0.1 * value, random), 20 * value, random)
    return jpeg(result, 60 - 15 * value, random)


def mean_colour(image: Image.Image) -> tuple[int, ...]:
    """Mean of each channel."""
    return tuple(np.asarray(image).mean(axis=(0, 1)).round().astype(int).tolist())


TRANSFORMATIONS: tuple[Transformation, ...] = (
    Transformation("untouched", "the image itself", (0,), untouched),
    Transformation("flip", "left to right", (0,), flip),
    Transformation("crop", "share of the side that stays", (0.9, 0.75, 0.6), crop),
    Transformation("shift", "pixels along both axes", (2, 6, 12), shift),
    Transformation("turn", "degrees", (5, 12, 25), turn),
    Transformation("hue", "degrees", (20, 60, 150), hue),
    Transformation("light", "brightness and contrast, factor", (1.2, 1.5, 2.0), light),
    Transformation("grey", "no colour", (0,), grey),
    Transformation("jpeg", "quality", (60, 25, 8), jpeg),
    Transformation("blur", "pixels", (0.7, 1.4, 2.5), blur),
    Transformation("noise", "levels", (8, 20, 40), noise),
    Transformation("rescale", "share of the side", (0.6, 0.35, 0.2), rescale),
    Transformation("overlay", "share of the area", (0.05, 0.15, 0.3), overlay),
    Transformation("caption", "share of the height", (0.12, 0.2, 0.3), caption, trained=False),
    Transformation("fewer levels", "bits a channel", (4, 3, 2), fewer_levels, trained=False),
    Transformation("perspective", "share of the side", (0.08, 0.16, 0.25), perspective, False),
    Transformation("frame", "share of the side, each edge", (0.05, 0.12, 0.2), frame, False),
    Transformation("together", "flip, crop, hue, JPEG", (1, 2, 3), together),
)
